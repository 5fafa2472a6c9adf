-- stopmsg find, and stop --where, in this process, against the sandbox's campaigns and against
-- lists that fail.

local cli = require("spec.support.cli")
local defaults = require("stopmsg.options").stop_where_defaults
local json = require("stopmsg.json")
local server = require("spec.support.server")

local ENV = { STOPMSG_TOKEN = "sandbox" }

local function lines(text)
  local list = {}
  for line in text:gmatch("[^\n]+") do
    list[#list + 1] = line
  end
  return list
end

describe("a list of what can still be stopped", function()
  local sandbox, journal, address
  local usual_interval = defaults.interval

  -- Seconds between two looks. The command has no option for that: it waits for messages that come
  -- late, of which these lists have none unless a spec says so.
  local function look_every(seconds)
    defaults.interval = seconds
  end

  before_each(function()
    look_every(0.01)
    journal = os.tmpname()
    os.remove(journal)
  end)

  after_each(function()
    look_every(usual_interval)
    os.remove(journal)
    if sandbox then
      sandbox:stop()
      sandbox = nil
    end
  end)

  local function hold(campaign)
    local fields = {}
    for name, value in pairs(campaign) do
      fields[#fields + 1] = name .. "=" .. value
    end
    sandbox = server.start({ campaign = "{" .. table.concat(fields, ",") .. "}" })
    address = sandbox.url
  end

  local function run(name, arguments, options)
    local argv = { name, "--base-url", address }
    if arguments[1] ~= "-p" then
      argv[#argv + 1] = "-p"
      argv[#argv + 1] = "revicom"
    end
    for _, argument in ipairs(arguments) do
      argv[#argv + 1] = argument
    end
    options = options or {}
    options.env = options.env or ENV
    local code, out, err = cli.run(argv, options)
    return code, out, (err:gsub("^[^\n]*sending to [^\n]*\n", ""))
  end

  -- Stops that the sandbox got: how many ids they had, repeats included.
  local function stops()
    local count = 0
    for _, request in ipairs(sandbox:log()) do
      local path = request.path or request.target
      count = count + (path:find("message/stop", 1, true) and (request.ids or 1) or 0)
    end
    return count
  end

  -- A provider that answers each request by this code: status, body of `request`.
  local function script(code)
    sandbox = server.scripted(("return function(request) %s end"):format(code))
    address = sandbox.url
  end

  describe("find", function()
    it("gives the ids, one a line, ready for stop", function()
      hold({ size = 250 })
      local code, out, err = run("find", { "--where", "since=-2h" })
      assert.equal(0, code)
      local ids = lines(out)
      assert.equal(250, #ids)
      assert.matches("250 messages can still be stopped: stopmsg stop %-p revicom %-%-where since=",
        err)
      code = run("stop", { "--yes", "-" }, { stdin = out })
      assert.equal(0, code)
      code, out, err = run("find", {})
      assert.same({ 3, "" }, { code, out })
      assert.matches("nothing left to stop", err)
    end)

    it("names --dispatch where dispatches were listed, and stop takes what it says", function()
      hold({ size = 3 })
      local code, _, err = run("find", { "-p", "idigital" })
      assert.equal(0, code)
      assert.truthy(err:find("3 dispatches can still be stopped: "
        .. "stopmsg stop -p idigital --all --dispatch --base-url " .. address .. " stops them\n",
        1, true))
      local arguments = { "-p", "idigital", "--all", "--dispatch", "--yes", "--format", "csv" }
      local out
      code, out = run("stop", arguments)
      assert.equal(0, code)
      assert.equal(4, #lines(out))
      code, _, err = run("find", { "-p", "idigital" })
      assert.equal(3, code)
      assert.matches("nothing left to stop", err)
    end)

    it("is not asked for dispatches where messages are to be stopped", function()
      hold({ size = 3 })
      local code = run("stop", { "-p", "idigital", "--all", "--undocumented", "--yes" })
      assert.equal(0, code)
      for _, request in ipairs(sandbox:log()) do
        assert.is_nil((request.path or request.target):find("dispatch", 1, true))
      end
      assert.equal(3, stops())
    end)

    it("names the settings that were given", function()
      hold({ size = 3 })
      local arguments = { "-p", "twilio", "--set", "account=AC12" }
      local code, _, err = run("find", arguments)
      assert.equal(0, code)
      assert.truthy(err:find("stopmsg stop -p twilio --all --set account=AC12 --base-url", 1, true))
    end)

    it("names the address where only strangers respond", function()
      script([[return 404, "<html>"]])
      local code, _, err = run("find", {})
      assert.equal(4, code)
      assert.matches("0 messages found; check %-%-base%-url and the proxy, then run the same "
        .. "command again\n$", err)
    end)

    it("gives items as ndjson, json and csv", function()
      hold({ size = 3 })
      local _, out = run("find", { "--format", "ndjson" })
      local item = json.decode(lines(out)[3])
      assert.same({ "open", "sending" }, { item.outcome, item.state })
      out = select(2, run("find", { "--format", "json" }))
      local document = assert(json.decode(out))
      assert.same({ 3, true, 3 }, { #document.items, document.complete, document.counts.open })
      out = select(2, run("find", { "--format", "csv" }))
      assert.equal(4, #lines(out))
    end)

    it("refuses filters that there are not, no times, and empty values, before it asks", function()
      hold({ size = 3 })
      for argument, words in pairs({
        ["dispach=5"] = "did you mean 'dispatch'%? Filters: dispatch, recipient",
        ["since=yesterday"] = "filter 'since': expected a time",
        ["tag="] = "filter 'tag': an empty value",
        ["tag"] = "%-%-where expects NAME=VALUE",
      }) do
        local code, out, err = run("find", { "--where", argument })
        assert.same({ 2, "" }, { code, out })
        assert.matches(words, err)
      end
      assert.equal(0, #sandbox:log())
    end)

    it("ends with 4 where a page fails, and gives what was found", function()
      script([[
        if not request.target:find("page=1$") then
          return 404, "<html>"
        end
        local items = {}
        for i = 1, 100 do
          items[i] = ('{"messageUuid":"%08x-0000-4000-8000-000000000000","status":"sending"}')
            :format(i)
        end
        return 200, '{"total":300,"items":[' .. table.concat(items, ",") .. "]}"
      ]])
      local code, out, err = run("find", {})
      assert.message(err).equal(4, code)
      assert.equal(100, #lines(out))
      assert.matches("the list is incomplete: ", err)
    end)

    it("ends with 6 where the token is refused", function()
      hold({ size = 3 })
      local code, _, err = run("find", {}, { env = { STOPMSG_TOKEN = "wrong" } })
      assert.equal(6, code)
      assert.matches("refused the token, which came from STOPMSG_TOKEN", err)
    end)

    it("leaves the output as it was where the list cannot be read", function()
      hold({ size = 3 })
      local kept = cli.file("kept")
      for _, argv in ipairs({ { "find" }, { "stop", "--all", "--yes" } }) do
        for _, format in ipairs({ "text", "ndjson", "json", "csv" }) do
          local arguments = { "--format", format, "-o", kept, argv[2], argv[3] }
          local code = run(argv[1], arguments, { env = { STOPMSG_TOKEN = "wrong" } })
          assert.same({ 6, "kept" }, { code, cli.read(kept) })
        end
      end
      assert.equal(3, (run("find", { "--where", "tag=none", "-o", kept })))
      assert.equal("", cli.read(kept))
      assert.equal(0, (run("find", { "-o", kept })))
      assert.equal(3, #lines(cli.read(kept)))
      os.remove(kept)
    end)
  end)

  describe("stop --where", function()
    it("stops what is found, each id once, and what comes while it does", function()
      hold({ size = 1200, created_per_second = 300, create_seconds = 1 })
      look_every(0.5) -- so that no look finds nothing before the last one is there
      local code, out = run("stop", { "--where", "since=-2h", "--yes", "--format", "ndjson" })
      assert.equal(0, code)
      local seen = {}
      for _, line in ipairs(lines(out)) do
        local item = json.decode(line)
        assert.equal("stopped", item.outcome)
        assert.is_nil(seen[item.id])
        seen[item.id] = true
      end
      assert.equal(1500, #lines(out))
      assert.equal(1500, stops())
      assert.equal(3, (run("find", {})))
    end)

    it("asks, with the number and three examples of a look", function()
      hold({ size = 250 })
      local code, out, err = run("stop", { "--where", "since=-2h" },
        { columns = { stderr = 200 }, answer = "n\n" })
      assert.same({ 2, "" }, { code, out })
      assert.matches("250 messages can still be stopped %(since=[^)]*%): "
        .. "00000001%-[%x-]+, 00000002%-[%x-]+, 00000003%-[%x-]+, …", err)
      assert.matches("the filter 'since': cannot check", err)
      assert.matches("Stop 250 messages at revicom", err)
      assert.equal(0, stops())
      code = run("stop", { "--where", "since=-2h" }, { columns = { stderr = 200 },
        answer = "y\n" })
      assert.equal(0, code)
      assert.equal(250, stops())
    end)

    it("is refused before anything is sent where nobody can be asked", function()
      hold({ size = 3 })
      local code, _, err = run("stop", { "--all" })
      assert.equal(2, code)
      assert.matches("pass %-%-yes", err)
      assert.equal(0, #sandbox:log())
    end)

    it("is refused with ids, with an empty value, and where the provider has no list", function()
      hold({ size = 3 })
      for _, row in ipairs({
        { "not both", "--all", "00000001-0000-4000-8000-00000000c0de" },
        { "empty value", "--where", "tag=" },
        { "has no filter", "--where", "dispach=1" },
      }) do
        local words = table.remove(row, 1)
        row[#row + 1] = "--yes"
        local code, _, err = run("stop", row)
        assert.equal(2, code)
        assert.matches(words, err)
      end
      local code, _, err = cli.run({ "stop", "-p", "sendgrid", "--all", "--yes", "--base-url",
        address }, { env = ENV })
      assert.equal(2, code)
      assert.matches("sendgrid has no find", err)
      assert.equal(0, #sandbox:log())
    end)

    it("looks in a dry run, and stops nothing", function()
      hold({ size = 120 })
      local code, out, err = run("stop", { "--where", "since=-2h", "--dry-run" })
      assert.equal(0, code)
      assert.matches("POST /api/v1/message/stop", out)
      assert.matches("120 messages would be stopped; nothing was", err)
      assert.equal(0, stops())
    end)

    it("stops nothing where more was found than --max says", function()
      hold({ size = 120 })
      local code, _, err = run("stop", { "--all", "--yes", "--max", "100" })
      assert.equal(2, code)
      assert.matches("found more than 100 messages", err)
      assert.equal(0, stops())
      assert.equal(0, (run("stop", { "--all", "--yes", "--max", "120" })))
    end)

    it("says what helps where more came meanwhile than --max says", function()
      script([[
        looks = (looks or 0) + 1 -- each look at the list shows one more
        local items = {}
        for i = 1, looks do
          items[i] = ('{"messageUuid":"%08x-0000-4000-8000-000000000000","%s}')
            :format(i, request.method == "GET" and 'status":"sending"' or 'code":200')
        end
        return 200, ('{"errors":false,"total":%d,"items":[%s]}'):format(#items,
          table.concat(items, ","))
      ]])
      local code, _, err = run("stop", { "--all", "--yes", "--max", "1" })
      assert.equal(4, code)
      assert.matches("found more than %-%-max 1 allows; give a larger %-%-max\n$", err)
    end)

    it("ends with 3 where nothing was found", function()
      hold({ size = 3 })
      local code, _, err = run("stop", { "--where", "tag=none", "--yes" })
      assert.equal(3, code)
      assert.matches("found nothing that can still be stopped\n$", err)
    end)

    it("does not take a page that fails for an empty list", function()
      script([[return 404, "<html>"]])
      local code, out, err = run("stop", { "--all", "--yes" })
      assert.equal(4, code)
      assert.matches("0 ids", out)
      assert.matches("the list was not read to its end, so there may be more: [^\n]*; check "
        .. "%-%-base%-url and the proxy, then run the same command again\n$", err)
      code, out, err = run("stop", { "--all" }, { columns = { stderr = 200 }, answer = "y\n" })
      assert.same({ 4, "" }, { code, out })
      assert.matches("nothing was stopped: check %-%-base%-url and the proxy, then run the same "
        .. "command again\n$", err)
    end)

    it("stops nothing of a page that does not show the filter", function()
      script([[return 200, '{"total":1,"items":[{"messageUuid":'
        .. '"00000001-0000-4000-8000-000000000000","status":"sending","dispatchId":8}]}']])
      local code, _, err = run("stop", { "--where", "dispatch=7", "--yes" })
      assert.equal(4, code)
      assert.matches("the provider ignored the filter 'dispatch'", err)
      assert.matches("; use another filter, or give ids\n$", err)
      assert.equal(0, stops())
      code, _, err = run("find", { "--where", "dispatch=7" })
      assert.equal(4, code)
      assert.matches("; use another filter, or give ids\n$", err)
    end)

    it("ends with 6 where the token is refused", function()
      hold({ size = 3 })
      assert.equal(6, (run("stop", { "--all", "--yes" }, { env = { STOPMSG_TOKEN = "wrong" } })))
    end)

    describe("with a journal", function()
      it("knows what is settled, by id, and resolves times once", function()
        hold({ size = 150 })
        local code = run("stop", { "--where", "since=-2h", "--yes", "--journal", journal })
        assert.equal(0, code)
        local header = json.decode(lines(cli.read(journal))[1])
        assert.same({ "since", "-2h" }, { header.where[1][1], header.where[1][2] })
        local err, _
        code, _, err = run("stop", { "--where", "since=-2h", "--yes", "--journal", journal })
        assert.message(err).equal(0, code)
        assert.equal(150, stops())
        code = run("stop", { "--where", "since=" .. header.where[1][3], "--yes", "--journal",
          journal })
        assert.equal(0, code)
        code, _, err = run("stop", { "--where", "since=-3h", "--yes", "--journal", journal })
        assert.equal(2, code)
        assert.matches("belongs to another run: its input was different", err)
        local told = json.decode((select(2, cli.run({ "report", journal, "--format", "json" }))))
        assert.same({ 150, 150, 0 }, { told.total, told.counts.stopped, told.not_reached })
      end)

      it("sends again what an earlier run may have sent, and says so", function()
        hold({ size = 4 })
        assert.equal(0, (run("stop", { "--all", "--yes", "--journal", journal })))
        -- As a process that was killed before it knew what became of the third.
        local kept = {}
        for _, line in ipairs(lines(cli.read(journal))) do
          if not line:find('^{"n":3') and not line:find('^{"end"') then
            kept[#kept + 1] = line
          end
        end
        local file = assert(io.open(journal, "wb"))
        file:write(table.concat(kept, "\n"), "\n")
        file:close()
        local code, out = run("stop", { "--all", "--yes", "--journal", journal, "--format",
          "ndjson" })
        assert.equal(0, code)
        local items = lines(out)
        assert.equal(1, #items)
        local item = json.decode(items[1])
        assert.same({ "00000003-0000-4000-8000-00000000c0de", "stopped", true },
          { item.id, item.outcome, item.ambiguous })
        assert.equal(5, stops())
      end)
    end)
  end)
end)
