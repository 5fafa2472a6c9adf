---@meta
-- The classes of the public API, for editors. Never loaded.

---What `stopmsg.new` takes.
---@class stopmsg.Options
---@field provider string|stopmsg.Provider a name of `stopmsg.providers()`, or a definition
---@field token string|fun(): string the key as issued; a function is called at first use, and again each time a token in use is refused
---@field base_url? string scheme, host, port, optional path; default: the provider's
---@field allow_http? boolean plain http to other hosts; default false
---@field settings? table<string, string|integer> the provider's own, by name: `stopmsg providers NAME` lists them
---@field application? string short for the setting of that name
---@field format? string short for the setting of that name: "json" or "xml" for Clickatell
---@field concurrency? integer requests in flight; default 4 for batches, 16 for one id a request
---@field rate? number|stopmsg.RateFunction requests per second over the whole client, or a function asked before each request, such as `stopmsg.shared.rate` makes; default: what the provider documents, else no limit
---@field burst? number requests that may go at once after a pause, where `rate` is a number; default 1
---@field batch_size? integer ids per request; default: the provider's limit
---@field deadline? number seconds for one call; default 60, or twice what `rate` needs for the ids; none for `each`
---@field patience? number seconds to wait for a provider that answers nobody; default 60, 0 does not wait
---@field timeout? number seconds for one attempt; default 10
---@field connect_timeout? number seconds to connect; default 3
---@field max_attempts? integer first try included; default 4, with 1 no id is sent twice
---@field http_version? "1.1"|"2" default "1.1"; where libcurl carries the requests "2" for one id a request over TLS
---@field transport? "http1"|"libcurl" what carries HTTP/1.1: stopmsg itself or libcurl; default "http1", where it can
---@field ca_file? string trusted certificates; default: the system's
---@field cert_file? string your own certificate (PEM), for servers that ask for one
---@field key_file? string its key, without a password; not needed where it stands in `cert_file`
---@field ca_path? string a directory of these; default: the system's
---@field proxy? string "" for none; default: the environment's
---@field user_agent? string default: stopmsg/ and the version
---@field resolve? table<string, string> "host:port" -> address
---@field verify_tls? boolean default true
---@field max_response? integer bytes of one decoded answer; default 16 MiB
---@field sleep? fun(seconds: number) of a cooperative scheduler
---@field on_event? fun(event: stopmsg.Event) told of each request, response, repeat, pause, outage and item
---@field undocumented? boolean allow what only the sibling brand documents; default false
---@field all? boolean allow stops that reach beyond their ids, as Mailgun's empty a whole queue; default false

---What `stop`, `stop_dispatch`, `each` and `status` take.
---@class stopmsg.CallOptions
---@field deadline? number seconds for this call; default: the client's
---@field on_item? fun(item: stopmsg.Item, place: integer) called as each item settles
---@field is_interrupted? fun(): boolean asked ten times a second and more; once true, nothing more is sent, and what is in flight has 2 seconds
---@field kind? "message"|"dispatch" what the ids are; default: what the call's name says
---@field all? boolean as in the client's options, for this call
---@field verify? boolean|stopmsg.VerifyOptions look up afterwards what the stop promises or leaves open

---Asked before each request. Returns 0 for "go", or after how many seconds to ask again; then, where it cannot tell, why.
---@alias stopmsg.RateFunction fun(): number, string?

---Rates that processes share.
---@class stopmsg.Shared
---@field rate fun(shared_options: stopmsg.SharedOptions): stopmsg.RateFunction

---What `stopmsg.shared.rate` takes.
---@class stopmsg.SharedOptions
---@field name string what all have in common that share the rate
---@field rate number requests per second of all of them together
---@field redis string|table|fun(): table `redis://[user@]host[:port][/database]` or `rediss://`, a client with `call`, or a function that returns one
---@field password? string of an address's user
---@field timeout? number seconds for an answer of Redis; default 2
---@field connect_timeout? number seconds to connect; default 3
---@field ca_file? string trusted certificates; default: the system's
---@field ca_path? string a directory of these
---@field cert_file? string your own certificate (PEM)
---@field key_file? string its key
---@field verify_tls? boolean default true

---What `client:verify` takes.
---@class stopmsg.VerifyOptions
---@field timeout? number seconds in which messages may settle; default 30
---@field interval? number seconds until the first lookup, later ones wait longer; default 1
---@field is_interrupted? fun(): boolean asked ten times a second and more; true ends the lookups

---What `client:check` returns third; `tostring` gives the message.
---@class stopmsg.CheckError
---@field outcome stopmsg.Outcome
---@field reason? string
---@field code? string|integer
---@field http? integer
---@field message? string

---@alias stopmsg.Outcome "stopped"|"accepted"|"recalled"|"too_late"|"not_stoppable"|"not_found"|"denied"|"invalid"|"failed"|"unknown"|"open"|"skipped"

---What an outcome means.
---@class stopmsg.OutcomeInfo
---@field about string one sentence
---@field settled boolean whether nothing is left to find out or to do
---@field stopped? boolean nil where that is not known

---What became of one id. Fields that would say nothing are absent.
---@class stopmsg.Item
---@field id string|integer as given
---@field outcome stopmsg.Outcome
---@field reason? string a short word, where the outcome alone does not say it
---@field code? string|integer the provider's own, or the HTTP status
---@field http? integer HTTP status, where that is not 200
---@field message? string at most 200 bytes
---@field attempts? integer requests sent that held the id, where that is not 1
---@field ambiguous? boolean an earlier attempt may have taken effect unseen
---@field verified? boolean the message's own status proves the outcome
---@field state? string the provider's status word, after `status` or `verify`
---@field left? integer of a dispatch or batch that was stopped in the middle: how many had left

---A list of items.
---@class stopmsg.Report
---@field [integer] stopmsg.Item
---@field counts table<stopmsg.Outcome, integer>
---@field total integer
---@field ok boolean all stopped
---@field requests integer
---@field retries integer
---@field connections integer
---@field elapsed number seconds
---@field warnings string[]
---@field kind "message"|"dispatch" what its ids are
---@field is_lookup? boolean of `status`, where nothing was stopped
---@field unproven? integer after `verify`: items without proof that might still change
---@field ids fun(self: stopmsg.Report, outcome: stopmsg.Outcome): (string|integer)[]

---What to look for, by the names of the provider's filters. A list means any of its values. Times
---are RFC 3339, 09:00 (today, local time) or -2h.
---@alias stopmsg.Where table<string, string|number|boolean|(string|number)[]>

---@class stopmsg.FindOptions
---@field kind? "message"|"dispatch" which list; default what the provider documents a stop of
---@field all? boolean empty values in the filter are no mistake
---@field deadline? number seconds; default the client's, else none
---@field is_interrupted? fun(): boolean asked now and then; true ends the list

---@class stopmsg.StopWhereOptions
---@field kind? "message"|"dispatch" which list; default what the provider documents a stop of
---@field all? boolean stop everything that is listed, where the filter is empty; allow stops that reach beyond their ids
---@field interval? number seconds between two looks that found nothing; default 5
---@field deadline? number seconds; default the client's, else none
---@field on_item? fun(item: stopmsg.Item, place: integer) called for each item
---@field is_interrupted? fun(): boolean asked now and then; true ends the call

---The report of `find` and `stop_where`: it counts, and holds no items.
---@class stopmsg.FindReport: stopmsg.Report
---@field is_complete boolean whether the list was read to its end; of `stop_where`, twice in a row without anything new
---@field err? stopmsg.FindError why it is not complete
---@field pages integer pages that were read
---@field unit "message"|"batch"|"bulk"|"campaign"|"dispatch"|"schedule" what one id stops
---@field rounds? integer `stop_where`: looks so far, with the one under way
---@field found? integer `stop_where`: ids so far

---Why a list was not read to its end. `tostring(err)` is a sentence.
---@class stopmsg.FindError
---@field outcome stopmsg.Outcome as of an id whose request failed like that
---@field reason string `filter_ignored`, `repeats`, `circle`, `elsewhere`, `contradiction`, `depth`, `bad_response`, `http_500`, `outage`, `deadline`, …
---@field message? string
---@field code? string|integer
---@field http? integer
---@field filter? string the filter that was ignored

---What `on_event` is told. It never holds the token or a body.
---@class stopmsg.Event
---@field type "request"|"response"|"retry"|"throttle"|"outage"|"item"
---@field provider string
---@field operation string
---@field ids? integer how many ids the request holds
---@field attempt? integer request: which try of these ids
---@field status? integer response: HTTP status
---@field stage? "queued"|"connected"|"sent"|"status"|"complete" response: how far it got
---@field fault? string response: what went wrong, in one word
---@field elapsed? number response, the end of an outage: seconds
---@field delay? number retry, throttle: seconds
---@field reason? string retry, outage: why
---@field phase? "begin"|"end" outage
---@field of? "rate" outage: of the rate function, not of the provider
---@field message? string outage: the transport's words
---@field item? stopmsg.Item item

---A definition of a provider: docs/writing-a-provider.md explains the fields.
---@class stopmsg.Provider
---@field name string small letters, digits and _
---@field about? string for people
---@field docs? string a page's address, for people
---@field url string what all addresses begin with
---@field settings? table<string, stopmsg.Setting> what has to be known of an account
---@field auth? stopmsg.ProviderAuth HTTP Basic
---@field headers? table<string, string>
---@field answers? "json"|"xml"|string|{ format: string, root: string } default "json"
---@field id? stopmsg.IdName|stopmsg.IdForm
---@field error? stopmsg.ErrorForm how an error of this provider looks
---@field bare? integer[] statuses from 400 to 499 under which the provider sends no body
---@field refused? table<string|integer, stopmsg.Meaning> code of an error -> what it means
---@field texts? table<string, stopmsg.Meaning> what the text of an error holds -> what it means
---@field rate? number|stopmsg.Rate requests per second, as documented
---@field retry_after? string|stopmsg.Pause where a pause is told, besides Retry-After
---@field token? stopmsg.TokenRequest how a token that ends is fetched
---@field sign? stopmsg.Signature|fun(request: stopmsg.SignedRequest): table<string, string> a function gives further headers
---@field stop? stopmsg.Operation
---@field stop_dispatch? stopmsg.Operation
---@field status? stopmsg.Operation
---@field status_dispatch? stopmsg.Operation
---@field check? stopmsg.Operation
---@field find? stopmsg.ListOperation
---@field find_dispatch? stopmsg.ListOperation

---@alias stopmsg.IdName "uuid"|"digits"|"hex32"|"text"

---What has to be known of an account.
---@class stopmsg.Setting
---@field about string what it is, and where users find it
---@field pattern? string a Lua pattern for the whole value
---@field max? integer bytes; default 256
---@field default? string may hold other settings
---@field one_of? string[]|table<string, string> words, or what is sent for each
---@field optional? boolean what it stands in is left out where it is not given
---@field number? boolean written into JSON without quotes

---@class stopmsg.ProviderAuth
---@field basic string user and password, as in "{account}:{token}"

---@class stopmsg.Rate
---@field [integer] number requests
---@field per? number seconds; default 1
---@field burst? number requests that may go at once after a pause

---@class stopmsg.Pause
---@field header? string
---@field path? string
---@field milliseconds? boolean of what stands at `path`

---@class stopmsg.TokenRequest
---@field request string method and whole address
---@field auth? stopmsg.ProviderAuth
---@field headers? table<string, string>
---@field form? table<string, string>
---@field json? table
---@field value string path of the token
---@field lasts? string path of the seconds that it lasts
---@field sign? stopmsg.Signature

---How requests are signed with the token.
---@class stopmsg.Signature
---@field hmac? "sha1"|"sha256" the HMAC of `text`
---@field hash? "sha1"|"sha256" the digest of `text`, which holds {token}
---@field key? string the key of the HMAC; default "{token}"
---@field text string what is signed
---@field escape? "json"|"percent"|"raw"|"xml" how values are written into `text`
---@field encode? "base64"|"hex"
---@field time? "unix"|"unix_ms"|"rfc3339" how {time} is written
---@field ticket? stopmsg.Ticket

---What holds a signature and is packed.
---@class stopmsg.Ticket
---@field text string
---@field letters? string in place of "+/=" of its Base64

---What a function `sign` gets. The token is not in it.
---@class stopmsg.SignedRequest
---@field method string
---@field url string
---@field headers string[]
---@field body? string

---The form of a provider's errors. An answer of 4xx without it is a stranger's, and settles nothing.
---@class stopmsg.ErrorForm
---@field code? string|string[] a path such as "error.code", or several to try
---@field text? string|string[] the same for the text
---@field form "integer"|"string"|"status_prefix"|"grpc"|"text"|string what the code has to be; or a pattern that begins with "^"
---@field status? string|string[] where the answer repeats the HTTP status
---@field has? string|string[] where something has to stand, too
---@field least? integer with "integer": smaller codes are another's

---A complete answer, as a definition's functions get it.
---@class stopmsg.Answer
---@field status integer
---@field body string
---@field format "json"|"xml"
---@field document? table the body, decoded; of XML what the outermost element holds. Only for `decode`

---How one operation is asked for, and what its answers mean: a number is an HTTP status.
---@class stopmsg.Operation
---@field [integer] stopmsg.Meaning|stopmsg.Reading|stopmsg.Reading[]
---@field docs? string
---@field request string method and path, as in "POST /messages/{id}/cancel"
---@field headers? table<string, string>
---@field auth? stopmsg.ProviderAuth
---@field json? any the body
---@field form? table<string, string|number> the body
---@field text? stopmsg.TextBody any other body
---@field id? stopmsg.IdName|stopmsg.IdForm
---@field limit? integer|integer[] ids a request; default 1. In `many` also the fewest and the most
---@field join? string what stands between two ids
---@field together? string a part of the id that is the same for all of a request
---@field many? stopmsg.Operation the request for many ids
---@field error? stopmsg.ErrorForm
---@field bare? integer[]
---@field refused? table<string|integer, stopmsg.Meaning>
---@field texts? table<string, stopmsg.Meaning>
---@field rate? number|stopmsg.Rate
---@field retry_after? string|stopmsg.Pause
---@field answers? string|{ format: string, root: string }
---@field decode? fun(answer: stopmsg.Answer, ids: string[]): table|nil verdict(s); nil for "not understood"
---@field sign? stopmsg.Signature|fun(request: stopmsg.SignedRequest): table<string, string>
---@field inferred? string what of this is not documented; said when a call fails
---@field undocumented? boolean only with the client's option of that name
---@field all? string what a stop stops beyond its ids, in words; it is then refused without `all = true`

---@class stopmsg.TextBody
---@field type string Content-Type
---@field body string
---@field escape? "json"|"percent"|"raw"|"xml" how placeholders are written

---An outcome or an action, alone or as a table.
---@alias stopmsg.Meaning stopmsg.Outcome|"credentials"|"again"|"throttle"|"halve"|stopmsg.Word

---@class stopmsg.Word
---@field [integer] string the outcome or action, then the reason
---@field note? string told as the message; the word then proves nothing
---@field quiet? boolean the provider's text is not told

---What an answer says at its paths.
---@class stopmsg.Reading
---@field exactly? string|string[] the whole body, or several of which it has to be one
---@field has? string|string[] where something has to stand
---@field every? string[] a pattern for all names of the object, and the type of the values
---@field id? string|string[]|table<string, string> where the id stands that was asked about
---@field code? string|string[] where the value stands that decides
---@field state? string|string[] the same of a status word, which is a proof
---@field form? string what the value has to be
---@field means? stopmsg.Meaning|table<string|number|boolean, stopmsg.Meaning>
---@field more_than? number the value is a counter; `means` has true and false
---@field verifies? stopmsg.Outcome[] what this answer proves by itself
---@field others? stopmsg.Meaning of ids that a list does not name
---@field text? string|string[] where the text for people stands
---@field texts? table<string, stopmsg.Meaning>
---@field each? string where the list stands that has an entry for each id
---@field left? string|string[] counters of what had left
---@field flag? { path: string, codes: number[] } true where an entry has one of these codes
---@field next? string a cursor; where there is one the list goes on

---A list of what can still be stopped.
---@class stopmsg.ListOperation: stopmsg.Operation
---@field each string where the list stands
---@field id string|table where an entry names its id
---@field state? string
---@field means? table<string, stopmsg.Outcome>
---@field entries? stopmsg.Reading|stopmsg.Reading[] in place of `state`: what an entry's values mean
---@field unit? "message"|"batch"|"bulk"|"campaign"|"dispatch"|"schedule" what one id stops
---@field most? integer of a list without `next`: entries that an answer holds at most
---@field where? table<string, stopmsg.Filter>
---@field next? stopmsg.NextPage

---@class stopmsg.Filter
---@field about? string
---@field query? string the parameter that asks for it
---@field form? string
---@field json? string
---@field entry? string|string[] where an entry has to show it
---@field time? "rfc3339"|"rfc3339_ms"|"unix"|"date"|string
---@field bound? "from"|"to" of a time that is not called `since` or `till`
---@field list? "repeat"|"comma"|"array" how several values are written
---@field required? boolean
---@field default? string

---@class stopmsg.NextPage
---@field by "page"|"offset"|"cursor"|"last"|"url"
---@field as? string the parameter, as in "query:page"
---@field path? string where the answer has the cursor or URL
---@field first? integer number of the first page
---@field size? integer entries of a full page
---@field most? integer entries that can be listed at all
---@field more? string a flag that is true where the list goes on
---@field total? string the number of all entries
---@field pages? string the number of pages
---@field until_empty? boolean the first page without entries is the last
---@field oldest? { path: string, days: number } newest first: a page of entries that are all older is the last

---@class stopmsg.IdForm
---@field pattern? string|string[] a Lua pattern for the whole id, or several
---@field max? integer bytes; default 256
---@field about? string for messages
---@field usual? string a pattern; ids that do not match are sent with a warning
---@field ignore_case? boolean upper and lower case are the same id
---@field number? boolean written into JSON without quotes
---@field write? string how the parts of an id are written, as in "{channel}/{message}"; each has a field of its name
