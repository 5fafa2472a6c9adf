-- Ids whose items would be alike are written without items: what is written is the same.

local cli = require("spec.support.cli")
local clients = require("stopmsg.client")
local files = require("spec.support.files")
local sample = require("spec.support.sample")
local server = require("spec.support.server")

local it = sample.its(it)

local ENV = { STOPMSG_TOKEN = "sandbox" }

-- Fates that the sandbox has for a uuid's last four characters, most of them usual.
local FATES = { "aaaa", "aaaa", "aaaa", "0403", "0404", "aaaa", "0202", "0000", "0418", "aaaa" }

local function uuid(i)
  return ("00000000-0000-4000-8000-0000%04x%s"):format(i, FATES[i % #FATES + 1])
end

describe("stopmsg stop of ids that are alike", function()
  local sandbox, stream, journal, results
  local earlier -- what an earlier run left in the journal, or nil

  setup(function()
    sandbox = server.start({ log = false })
    stream = clients.stream
  end)

  teardown(function()
    sandbox:stop()
  end)

  before_each(function()
    journal, results = os.tmpname(), os.tmpname()
  end)

  after_each(function()
    clients.stream, earlier = stream, nil
    os.remove(journal)
    os.remove(results)
  end)

  local function input_of(count, id)
    local list = {}
    for i = 1, count do
      list[i] = id(i)
    end
    return table.concat(list, "\n") .. "\n"
  end

  local INPUT = input_of(700, function(i)
    return i % 101 == 0 and uuid(i):upper() or uuid(i)
  end)

  -- What a stop says and writes; in the order in which requests were sent, as one is in flight. How
  -- far it is after some seconds, it does not say.
  local function stop(arguments, provider, input)
    os.remove(journal)
    if earlier then
      files.write(journal, earlier)
    end
    local argv = { "stop", "-p", provider or "revicom", "--base-url", sandbox.url, "--concurrency",
      "1", "--yes", "--progress", "none", "-" }
    for _, argument in ipairs(arguments) do
      argv[#argv + 1] = argument
    end
    local code, out, err = cli.run(argv, { env = ENV, stdin = input or INPUT })
    local file = io.open(journal, "rb")
    local noted = file and file:read("*a") or ""
    if file then
      file:close()
    end
    local texts = { out, err, noted, cli.read(results) }
    for i, text in ipairs(texts) do
      -- Times are no part of it, nor what depends on them.
      texts[i] = text:gsub('"at":%d+', ""):gsub('"elapsed":[%d.]+', ""):gsub(", [%d.]+ s%)", "")
        :gsub('{"intent":[^\n]*\n', ""):gsub('{"request":[^\n]*\n', "")
    end
    return texts, code
  end

  local function lines_of(text, is_sorted)
    local list = {}
    for line in text:gmatch("[^\n]+") do
      list[#list + 1] = line
    end
    if is_sorted then
      table.sort(list)
    end
    return list
  end

  -- Compares that with what is said and written without a sink; in any order where the input has
  -- ids that settle before they are sent. How many ids the sink took.
  local function compare(arguments, provider, input, is_sorted)
    local taken = 0
    clients.stream = function(self, fill, options, sink)
      return stream(self, fill, options, function(...)
        local count = sink(...)
        taken = taken + count
        return count
      end)
    end
    local found, code = stop(arguments, provider, input)
    clients.stream = function(self, fill, options)
      return stream(self, fill, options)
    end
    local expected, expected_code = stop(arguments, provider, input)
    assert.equal(expected_code, code)
    for i = 1, #expected do
      local lines = lines_of(found[i], is_sorted)
      for at, line in ipairs(lines_of(expected[i], is_sorted)) do
        assert.equal(line, lines[at])
      end
      assert.equal(#expected[i], #found[i])
    end
    return taken
  end

  for _, format in ipairs({ "text", "ndjson", "json", "csv" }) do
    it("writes the same as " .. format .. ", with a journal and without", function()
      for _, size in ipairs({ "7", "300" }) do
        assert.is_true(compare({ "--format", format, "--batch-size", size }) > 400)
        assert.is_true(compare({ "--format", format, "--batch-size", size, "--journal", journal })
          > 400)
      end
      assert.is_true(compare({ "--format", format, "--journal", journal, "-o", results }) > 400)
    end)
  end

  it("writes the same of lines that are no ids, and ids that come again", function()
    local input = input_of(700, function(i)
      return i % 211 == 0 and "rubbish," .. i or i % 307 == 0 and uuid(i - 1) or uuid(i)
    end)
    for _, size in ipairs({ "7", "300" }) do
      assert.is_true(compare({ "--format", "ndjson", "--batch-size", size, "--journal", journal },
        "revicom", input, true) > 200)
    end
  end)

  it("writes the same where each id is a request of its own, with what is proven", function()
    local input = input_of(120, function(i)
      return ("%028x%s"):format(i, i % 9 == 0 and "0003" or i % 5 == 0 and "0404" or "aaaa")
    end)
    for _, format in ipairs({ "ndjson", "csv" }) do
      assert.is_true(compare({ "--format", format, "--journal", journal }, "clickatell", input)
        > 50)
    end
  end)

  it("goes on with a journal in the same way, wherever it ended", function()
    stop({ "--format", "ndjson", "--journal", journal, "--batch-size", "50" })
    local whole = cli.read(journal)
    for _, share in ipairs({ 0.1, 0.5, 0.9, 1 }) do
      earlier = whole:sub(1, math.floor(#whole * share))
      local taken = compare({ "--format", "ndjson", "--batch-size", "50", "--journal", journal })
      -- Of those without an answer, and with one that nobody knows, all were asked about before.
      assert.message(share).is_true(share < 1 and taken > (1 - share) * 300 or taken == 0)
    end
  end)
end)
