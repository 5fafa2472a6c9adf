// Go's net/http: one client, one goroutine for each request in flight.
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const batch = 10000

var one = map[string]string{"006": "stopped", "003": "too_late"}
var many = map[int]string{200: "stopped", 403: "too_late"}

type item struct {
	ID      string
	Outcome string
	Code    string
}

type oneAnswer struct {
	Data struct {
		MessageStatus string `json:"messageStatus"`
		APIMessageID  string `json:"apiMessageId"`
	} `json:"data"`
}

type batchAnswer struct {
	Items []struct {
		MessageUUID string `json:"messageUuid"`
		Code        int    `json:"code"`
	} `json:"items"`
}

type run struct {
	isBatch   bool
	url       string
	headers   http.Header
	client    *http.Client
	ids       []string
	items     []item
	lock      sync.Mutex
	next      int
	first     time.Time
	latencies []float64
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// The ids of the next request.
func (r *run) take() (int, int, bool) {
	r.lock.Lock()
	defer r.lock.Unlock()
	first, size := r.next, 1
	if r.isBatch {
		size = batch
	}
	last := first + size
	if last > len(r.ids) {
		last = len(r.ids)
	}
	r.next = last
	return first, last, first < last
}

func (r *run) note(started time.Time) {
	now := time.Now()
	r.lock.Lock()
	defer r.lock.Unlock()
	if r.first.IsZero() {
		r.first = now
	}
	r.latencies = append(r.latencies, now.Sub(started).Seconds())
}

func word(outcome string) string {
	if outcome == "" {
		return "unknown"
	}
	return outcome
}

func (r *run) readOne(place int, body []byte) {
	var answer oneAnswer
	code := ""
	if json.Unmarshal(body, &answer) == nil && answer.Data.APIMessageID == r.ids[place] {
		code = answer.Data.MessageStatus
	}
	r.items[place] = item{r.ids[place], word(one[code]), code}
}

func (r *run) readBatch(first, last int, body []byte) {
	var answer batchAnswer
	if json.Unmarshal(body, &answer) != nil {
		return
	}
	var places map[string]int
	for i, got := range answer.Items {
		place := first + i
		// In the order asked as a rule: only where it is not, places are looked up.
		if place >= last || r.ids[place] != got.MessageUUID {
			if places == nil {
				places = make(map[string]int, last-first)
				for at := first; at < last; at++ {
					places[r.ids[at]] = at
				}
			}
			at, found := places[got.MessageUUID]
			if !found {
				continue
			}
			place = at
		}
		r.items[place] = item{r.ids[place], word(many[got.Code]), strconv.Itoa(got.Code)}
	}
}

func (r *run) work() {
	for first, last, more := r.take(); more; first, last, more = r.take() {
		started := time.Now()
		method, url := "DELETE", r.url
		var body io.Reader
		if r.isBatch {
			method = "POST"
			body = strings.NewReader(`{"uuids":["` + strings.Join(r.ids[first:last], `","`) + `"]}`)
		} else {
			url += r.ids[first]
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
		if answer.StatusCode == 200 && r.isBatch {
			r.readBatch(first, last, buffer.Bytes())
		} else if answer.StatusCode == 200 {
			r.readOne(first, buffer.Bytes())
		}
		r.note(started)
	}
}

func cpu() float64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

func main() {
	count, err := strconv.Atoi(os.Args[4])
	fail(err)
	inFlight, err := strconv.Atoi(os.Args[5])
	fail(err)
	transport := &http.Transport{
		MaxIdleConns: inFlight, MaxIdleConnsPerHost: inFlight, MaxConnsPerHost: inFlight,
		DisableCompression: true,
		ReadBufferSize:     64 * 1024, WriteBufferSize: 64 * 1024,
	}
	if os.Args[1] != "batch" {
		transport.ReadBufferSize, transport.WriteBufferSize = 0, 0
	}
	if os.Args[7] != "-" {
		pem, err := os.ReadFile(os.Args[7])
		fail(err)
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(pem)
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
		if os.Args[6] == "2" {
			transport.ForceAttemptHTTP2 = true
			transport.MaxConnsPerHost = 0
		}
	}
	r := &run{
		isBatch: os.Args[1] == "batch",
		url:     os.Args[2],
		headers: http.Header{},
		client:  &http.Client{Transport: transport, Timeout: time.Minute},
		items:   make([]item, count),
	}
	if r.isBatch {
		r.headers.Set("Authorization", "Basic bench-token")
		r.headers.Set("Content-Type", "application/json")
	} else {
		r.headers.Set("Authorization", "Bearer bench-token")
		r.headers.Set("X-Version", "1")
		r.headers.Set("Accept", "application/json")
	}
	file, err := os.Open(os.Args[3])
	fail(err)
	lines := bufio.NewScanner(file)
	for len(r.ids) < count && lines.Scan() {
		r.ids = append(r.ids, lines.Text())
	}

	used, started := cpu(), time.Now()
	var workers sync.WaitGroup
	for i := 0; i < inFlight; i++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			r.work()
		}()
	}
	workers.Wait()
	elapsed := time.Since(started).Seconds()
	used = cpu() - used

	counts := map[string]int{}
	for _, one := range r.items {
		counts[one.Outcome]++
	}
	sort.Float64s(r.latencies)
	fmt.Printf("elapsed=%.6f cpu=%.6f first=%.6f p50=%.6f p99=%.6f stopped=%d too_late=%d\n",
		elapsed, used, r.first.Sub(started).Seconds(), r.latencies[len(r.latencies)/2],
		r.latencies[len(r.latencies)*99/100], counts["stopped"], counts["too_late"])
}
