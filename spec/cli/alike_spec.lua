-- Ids whose items would be alike are written without items: what is written is the same.

local cli = require("spec.support.cli")
local clients = require("stopmsg.client")
local server = require("spec.support.server")

local ENV = { STOPMSG_TOKEN = "sandbox" }

-- Fates that the sandbox has for a uuid's last four characters, most of them usual.
local FATES = { "aaaa", "aaaa", "aaaa", "0403", "0404", "aaaa", "0202", "0000", "0418", "aaaa" }

local function uuid(i)
  return ("00000000-0000-4000-8000-0000%04x%s"):format(i, FATES[i % #FATES + 1])
end

describe("stopmsg stop of ids that are alike", function()
  local sandbox, stream, journal, results

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
    clients.stream = stream
    os.remove(journal)
    os.remove(results)
  end)

  -- Usual ids, and some that are none, repeated, or written in another way.
  local list = {}
  for i = 1, 700 do
    list[i] = i % 211 == 0 and "rubbish," .. i or i % 307 == 0 and uuid(i - 1)
      or i % 101 == 0 and uuid(i):upper() or uuid(i)
  end
  local INPUT = table.concat(list, "\n") .. "\n"

  -- What a stop says and writes; in the order in which requests were sent, as one is in flight.
  local function stop(arguments, provider, input)
    os.remove(journal)
    local argv = { "stop", "-p", provider or "revicom", "--base-url", sandbox.url, "--concurrency",
      "1", "--yes", "-" }
    for _, argument in ipairs(arguments) do
      argv[#argv + 1] = argument
    end
    local code, out, err = cli.run(argv, { env = ENV, stdin = input or INPUT })
    local file = io.open(journal, "rb")
    local noted = file and file:read("*a") or ""
    if file then
      file:close()
    end
    -- Times are no part of it, nor what depends on them.
    noted = noted:gsub('"at":%d+', '"at":0'):gsub('{"intent":[^\n]*\n', "")
      :gsub('{"request":[^\n]*\n', "")
    return { code, out:gsub('"elapsed":[%d.]+', ""):gsub(", [%d.]+ s%)", ")"),
      err:gsub(", [%d.]+ s%)", ")"), noted, cli.read(results) }
  end

  -- The same without a sink. How many ids the sink took, too.
  local function compare(arguments, provider, input)
    local taken = 0
    clients.stream = function(self, fill, options, sink)
      return stream(self, fill, options, function(...)
        local count = sink(...)
        taken = taken + count
        return count
      end)
    end
    local found = stop(arguments, provider, input)
    clients.stream = function(self, fill, options)
      return stream(self, fill, options)
    end
    local expected = stop(arguments, provider, input)
    assert.equal(expected[1], found[1])
    for i = 2, #expected do
      local next_line = found[i]:gmatch("[^\n]*")
      for line in expected[i]:gmatch("[^\n]*") do
        assert.equal(line, next_line())
      end
      assert.equal(#expected[i], #found[i])
    end
    return taken
  end

  for _, format in ipairs({ "text", "ndjson", "json", "csv" }) do
    it("writes the same as " .. format .. ", with a journal and without", function()
      for _, size in ipairs({ "7", "300" }) do
        assert.is_true(compare({ "--format", format, "--batch-size", size }) > 300)
        assert.is_true(compare({ "--format", format, "--batch-size", size, "--journal", journal })
          > 300)
      end
      assert.is_true(compare({ "--format", format, "--journal", journal, "-o", results }) > 300)
    end)
  end

  it("writes the same where each id is a request of its own, with what is proven", function()
    local input = {}
    for i = 1, 120 do
      input[i] = ("%028x%s"):format(i, i % 9 == 0 and "0003" or i % 5 == 0 and "0404" or "aaaa")
    end
    input = table.concat(input, "\n") .. "\n"
    for _, format in ipairs({ "ndjson", "csv" }) do
      assert.is_true(compare({ "--format", format, "--journal", journal }, "clickatell", input)
        > 50)
    end
  end)

  it("goes on with a journal that was written so", function()
    stop({ "--format", "ndjson", "--journal", journal })
    local size = #cli.read(journal)
    local code, out = cli.run({ "stop", "-p", "revicom", "--base-url", sandbox.url, "--yes", "-",
      "--format", "ndjson", "--journal", journal }, { env = ENV, stdin = INPUT })
    assert.equal(4, code)
    -- Those without an answer, and with one that nobody knows, are sent again.
    local again = select(2, out:gsub("\n", ""))
    assert.is_true(again > 100 and again < 200)
    assert.is_true(#cli.read(journal) > size)
  end)
end)
