// What `stopmsg stop` does with a file of ids, by Go's net/http: a result a line, and a journal with
// an intent on disk before its ids are sent and an outcome for each. One goroutine reads the ids,
// one goes with each request in flight. It checks neither ids nor repeats.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Ids of an intent where each is a request of its own, and bytes that are written together.
const intents, many = 1024, 64 * 1024

var outcomes = map[int]string{200: "stopped", 403: "too_late"}

type work struct {
	first int // position of ids[0]
	ids   []string
}

type batchAnswer struct {
	Items []struct {
		MessageUUID string `json:"messageUuid"`
		Code        int    `json:"code"`
	} `json:"items"`
}

type oneAnswer struct {
	Data struct {
		MessageStatus string `json:"messageStatus"`
		APIMessageID  string `json:"apiMessageId"`
		Description   string `json:"description"`
	} `json:"data"`
}

var words = map[string]string{"006": "stopped", "003": "too_late"}

type run struct {
	isBatch          bool
	url              string
	headers          http.Header
	client           *http.Client
	lock             sync.Mutex
	journal, results *os.File
	noted, told      []byte
	flushed          time.Time
	counts           map[string]int
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Writes what is gathered.
func (r *run) flush() {
	_, err := r.results.Write(r.told)
	fail(err)
	_, err = r.journal.Write(r.noted)
	fail(err)
	r.told, r.noted, r.flushed = r.told[:0], r.noted[:0], time.Now()
}

func (r *run) intend(first, last int) {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.noted = append(r.noted, fmt.Sprintf("{\"intent\":[%d,%d]}\n", first, last)...)
	r.flush()
	fail(r.journal.Sync())
}

// Records an outcome; the lock is held. The code is JSON, with what follows it.
func (r *run) settle(position int, id, outcome, code string, at int64) {
	r.counts[outcome]++
	r.noted = append(r.noted, `{"n":`...)
	r.noted = strconv.AppendInt(r.noted, int64(position), 10)
	r.noted = append(r.noted, `,"id":"`+id+`","outcome":"`+outcome+`","code":`+code+`,"at":`...)
	r.noted = strconv.AppendInt(r.noted, at, 10)
	r.noted = append(r.noted, "}\n"...)
	r.told = append(r.told, `{"id":"`+id+`","outcome":"`+outcome+`","code":`+code+"}\n"...)
	if len(r.noted) >= many || len(r.told) >= many {
		r.flush()
	}
}

func (r *run) readBatch(todo work, body []byte) {
	var answer batchAnswer
	fail(json.Unmarshal(body, &answer))
	at := time.Now().UnixMilli()
	r.lock.Lock()
	defer r.lock.Unlock()
	for i, got := range answer.Items {
		// In the order asked, as this server answers.
		outcome := outcomes[got.Code]
		if i >= len(todo.ids) || got.MessageUUID != todo.ids[i] || outcome == "" {
			outcome = "unknown"
		}
		r.settle(todo.first+i, todo.ids[i], outcome, strconv.Itoa(got.Code), at)
	}
}

func (r *run) readOne(todo work, body []byte) {
	var answer oneAnswer
	fail(json.Unmarshal(body, &answer))
	outcome := words[answer.Data.MessageStatus]
	if answer.Data.APIMessageID != todo.ids[0] || outcome == "" {
		outcome = "unknown"
	}
	r.lock.Lock()
	defer r.lock.Unlock()
	code := `"` + answer.Data.MessageStatus + `"`
	if outcome == "stopped" {
		code += `,"verified":true`
	} else {
		said, err := json.Marshal(answer.Data.Description)
		fail(err)
		code += `,"message":` + string(said)
	}
	r.settle(todo.first, todo.ids[0], outcome, code, time.Now().UnixMilli())
	if time.Since(r.flushed) >= time.Second/10 {
		r.flush()
	}
}

func (r *run) send(todo work) {
	method, url := "DELETE", r.url
	var body io.Reader
	if r.isBatch {
		method = "POST"
		body = strings.NewReader(`{"uuids":["` + strings.Join(todo.ids, `","`) + `"]}`)
	} else {
		url += todo.ids[0]
	}
	request, err := http.NewRequest(method, url, body)
	fail(err)
	request.Header = r.headers
	answer, err := r.client.Do(request)
	fail(err)
	var buffer bytes.Buffer
	if answer.ContentLength > 0 {
		buffer.Grow(int(answer.ContentLength) + bytes.MinRead)
	}
	_, err = buffer.ReadFrom(answer.Body)
	fail(err)
	answer.Body.Close()
	if answer.StatusCode != 200 {
		fail(fmt.Errorf("HTTP %d", answer.StatusCode))
	} else if r.isBatch {
		r.readBatch(todo, buffer.Bytes())
	} else {
		r.readOne(todo, buffer.Bytes())
	}
}

// Reads ids and hands them out, each after its intent.
func (r *run) read(file *os.File, to chan<- work) {
	size, most := 10000, 10000
	if !r.isBatch {
		size, most = 1, intents
	}
	first, ids := 1, make([]string, 0, most)
	hand := func() {
		if len(ids) == 0 {
			return
		}
		r.intend(first, first+len(ids)-1)
		for len(ids) > 0 {
			n := size
			if n > len(ids) {
				n = len(ids)
			}
			to <- work{first, ids[:n]}
			first, ids = first+n, ids[n:]
		}
		ids = make([]string, 0, most)
	}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		ids = append(ids, lines.Text())
		if len(ids) == most {
			hand()
		}
	}
	fail(lines.Err())
	hand()
	close(to)
}

func create(path string) *os.File {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0600)
	fail(err)
	return file
}

func main() {
	kind, url, input, journal, results := os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]
	inFlight, err := strconv.Atoi(os.Args[6])
	fail(err)
	transport := &http.Transport{
		MaxIdleConns: inFlight, MaxIdleConnsPerHost: inFlight, MaxConnsPerHost: inFlight,
		DisableCompression: true,
	}
	r := &run{
		isBatch: kind == "batch",
		url:     url,
		headers: http.Header{},
		client:  &http.Client{Transport: transport, Timeout: time.Minute},
		journal: create(journal),
		results: create(results),
		counts:  map[string]int{},
	}
	if r.isBatch {
		transport.ReadBufferSize, transport.WriteBufferSize = 64*1024, 64*1024
		r.headers.Set("Authorization", "Basic bench-token")
		r.headers.Set("Content-Type", "application/json")
	} else {
		r.headers.Set("Authorization", "Bearer bench-token")
		r.headers.Set("X-Version", "1")
		r.headers.Set("Accept", "application/json")
	}
	file, err := os.Open(input)
	fail(err)

	todo := make(chan work)
	var workers sync.WaitGroup
	for i := 0; i < inFlight; i++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for one := range todo {
				r.send(one)
			}
		}()
	}
	r.read(file, todo)
	workers.Wait()
	r.flush()
	fail(r.journal.Sync())
	fail(r.results.Close())
	fmt.Fprintln(os.Stderr, r.counts)
}
