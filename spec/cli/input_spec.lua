local cli = require("spec.support.cli")
local ids = require("stopmsg.ids")
local input = require("stopmsg.cli.input")
local buffers = require("stopmsg.cli.input.buffer")

local TEXT = ids.forms.text

describe("stopmsg.cli.input", function()
  local path

  after_each(function()
    if path then
      os.remove(path)
      path = nil
    end
  end)

  local function read(content, options)
    options = options or {}
    path = cli.file(content)
    return input.read({ files = { path }, form = options.form or TEXT, field = options.field })
  end

  -- The ids as they are handed out; "!" and the message for a problem.
  local function drain(given)
    local list = {}
    for id in given:reader() do
      list[#list + 1] = type(id) == "table" and "!" .. id.message or id
    end
    return list
  end

  -- The same, many at a time.
  local function drain_many(given, most)
    local list, some, fill = {}, {}, given:filler()
    repeat
      local count = fill(some, most)
      assert(count <= most)
      for i = 1, count do
        list[#list + 1] = type(some[i]) == "table" and "!" .. some[i].message or some[i]
      end
    until count == 0
    return list
  end

  local function ids_of(content, options)
    local given = assert(read(content, options))
    local list = drain(given)
    assert.equal(given.total, #list)
    for _, most in ipairs({ 1, 3, 256 }) do
      assert.same(list, drain_many(given, most))
    end
    return list
  end

  describe("of ids with parts", function()
    local FORM = assert(require("stopmsg.provider").check({
      name = "acme",
      url = "https://acme.example",
      headers = { Authorization = "Bearer {token}" },
      id = { write = "{channel}/{message}", channel = "^C%d+$", message = "^Q%d+$" },
      stop = { request = "POST /stop/{channel}/{message}", [204] = "stopped" },
    })).operations.stop.id
    local FIELD = "channel=where,message=what"

    local function parts_of(content, field)
      return ids_of(content, { form = FORM, field = field or FIELD })
    end

    it("takes each from a column of its own", function()
      assert.same({ "C1/Q2", "C3/Q4" }, parts_of("what,note,where\nQ2,x,C1\nQ4,\"y, z\",C3\n"))
      assert.same({ "C1/Q2" }, parts_of("where;what\nC1;Q2\n", "message=what,channel=where"))
      assert.same({ "C1/Q2", "C3/Q4" }, parts_of("Q2,C1\nQ4,C3\n", "channel=2,message=1"))
    end)

    it("tells that a first row was taken for a header", function()
      local given = assert(read("what,where\nQ2,C1\n", { form = FORM,
        field = "channel=2,message=1" }))
      assert.same({ "C1/Q2" }, drain(given))
      assert.is_truthy(given:notes()[1]:find("treating the first row as a header", 1, true))
    end)

    it("takes each from a field of its own", function()
      assert.same({ "C1/Q2", "C3/Q4" }, parts_of('{"where":"C1","what":"Q2"}\n'
        .. '{"what":"Q4","where":"C3"}\n'))
      assert.same({ "C1/Q2" }, parts_of('[{"a":{"where":"C1"},"what":"Q2"}]',
        "channel=a.where,message=what"))
    end)

    it("still takes whole ids from one", function()
      assert.same({ "C1/Q2" }, parts_of("id,b\nC1/Q2,x\n", "id"))
    end)

    it("names what is wrong in a row", function()
      for content, message in pairs({
        ["where,what\nC1,\n"] = "the message of the id: the id is empty",
        ["where,what\nC1/Q,Q2\n"] = "the channel of the id",
        ["where,what\nC1\n"] = "1 field, but the header has 2",
        ['{"where":"C1"}\n'] = "no id in 'what'",
        ['{"where":["C1","C2"],"what":"Q2"}\n'] = "several values in 'where'",
      }) do
        local list = parts_of(content)
        assert.equal(1, #list)
        assert.is_truthy(list[1]:find(message, 1, true), list[1])
      end
    end)

    it("refuses a field that says something else", function()
      for field, message in pairs({
        ["channel=where"] = "--field: no column given for 'message'",
        ["chanel=where,message=what"] = "expected a part of the id, as in channel=COLUMN",
        ["channel=where,message"] = "expected a part of the id",
        ["channel=where,message=that"] = "no column named 'that'",
        ["channel=where,message=9"] = "no column 9",
      }) do
        local given, why = read("where,what\nC1,Q2\n", { form = FORM, field = field })
        assert.is_nil(given)
        assert.is_truthy(why:find(message, 1, true), why)
        os.remove(path)
      end
    end)
  end)

  describe("a file of lines", function()
    local rows = {
      { "takes one id a line", "a\nb\n", { "a", "b" } },
      { "needs no line feed at the end", "a\nb", { "a", "b" } },
      { "takes the lines of other systems", "a\r\nb\r\n", { "a", "b" } },
      { "takes a byte order mark for none of the id", "\239\187\191a\nb\n", { "a", "b" } },
      { "skips blank lines", "\n\na\n  \n\t\r\nb\n\n", { "a", "b" } },
      { "skips comments", "# a\na # why\n  # b\nb\t#c\n", { "a", "b" } },
      { "keeps a # within an id", "a#1\n", { "a#1" } },
      { "drops white space around", "  a \n\tb\t\n", { "a", "b" } },
      { "holds what has white space in it", "a b\nc\n", { "a b", "c" } },
      { "reads nothing out of nothing", "", {} },
      { "reads nothing out of comments", "# a\n#b", {} },
    }
    for _, row in ipairs(rows) do
      it(row[1], function()
        assert.same(row[3], ids_of(row[2]))
      end)
    end

    it("is read across the blocks in which it comes", function()
      local list, expected = {}, {}
      for i = 1, 30000 do
        expected[i] = ("id%d"):format(i * i)
        list[i] = (i % 7 == 0 and " " or "") .. expected[i] .. (i % 3 == 0 and "\r" or "")
      end
      assert.same(expected, ids_of(table.concat(list, "\n") .. "\n"))
    end)

    it("does not hold a line that is too long", function()
      local long = ("x"):rep(10 * 1024 * 1024)
      collectgarbage()
      local before = collectgarbage("count")
      local given = assert(read("a\n" .. long .. "\nb\n" .. long))
      assert.same({ 2, 4 }, { given.bad[1].line, given.bad[2].line })
      long = nil -- luacheck: ignore
      assert.same({ "a", "!a line longer than 65536 bytes", "b",
        "!a line longer than 65536 bytes" }, drain(given))
      collectgarbage()
      assert.is_true(collectgarbage("count") - before < 2000)
    end)

    it("takes a line of just the length", function()
      local list = ids_of(("x"):rep(buffers.MAX) .. "\n" .. ("y"):rep(buffers.MAX + 1) .. "\nz\n")
      assert.equal(buffers.MAX, #list[1])
      assert.equal("!", list[2]:sub(1, 1))
      assert.equal("z", list[3])
    end)

    it("counts UUIDs many at once, and finds the bad ones among them", function()
      local uuid = "2a28d557-22a1-4be6-8908-1481723043dd"
      local given = assert(read((uuid .. "\n"):rep(3000) .. "bad\n" .. (uuid .. "\r\n"):rep(2000)
        .. "\n# no\nworse\n", { form = ids.forms.uuid }))
      assert.equal(5002, given.total)
      assert.equal(2, given.bad_count)
      assert.same({ 3001, 5004 }, { given.bad[1].line, given.bad[2].line })
      assert.equal(5002, #drain(given))
    end)
  end)

  describe("CSV", function()
    local rows = {
      { "takes the column of this name", "name,id\nx,a\ny,b\n", { "a", "b" } },
      { "takes it in another case, and with white space", "name, ID \nx, a \ny,b", { "a", "b" } },
      { "reads quotes, doubled ones and separators in them",
        'id,"n,""ame"\n"a","x,y"\n"b","""z"""\n', { "a", "b" } },
      { "reads line feeds in quotes", 'note,id\n"two\nlines",a\n"x\r\ny",b\r\n', { "a", "b" } },
      { "takes semicolons", "name;id\nx;a\n", { "a" } },
      { "takes tabs", "name\tid\nx,y\ta\n", { "a" } },
      { "takes a byte order mark", "\239\187\191id,x\na,1\n", { "a" } },
      { "takes a quote within a field for one", 'x,id\n5" pipe,a\nb,c\n', { "a", "c" } },
      { "skips blank lines", "id\n\na\n\n", { "a" } },
      { "tells of a row without an id", "x,id\n1,a\n3,\n", { "a", "!no id in column 'id'" } },
      { "tells of a row of another width", "x,id\n1,a\n2\n3,b,c\n4,d\n",
        { "a", "!1 field, but the header has 2", "!3 fields, but the header has 2", "d" } },
      { "tells of text after a quote", 'id,x\n"a"b,1\nc,2\n',
        { "!text after a closing quote", "c" } },
      { "tells of an unclosed quote", 'id,x\na,1\n"b,2\n',
        { "a", "!an unclosed quote" } },
    }
    for _, row in ipairs(rows) do
      it(row[1], function()
        assert.same(row[3], ids_of(row[2], { field = "id" }))
      end)
    end

    it("is read across the blocks in which it comes", function()
      local list, expected = { "id,note" }, {}
      for i = 1, 9000 do
        expected[i] = "id" .. i
        list[i + 1] = ('"id%d","a ""note""%s"'):format(i, i % 5 == 0 and "\nof two lines" or "")
      end
      assert.same(expected, ids_of(table.concat(list, "\n"), { field = "id" }))
    end)

    it("names the columns that there are", function()
      local given, message = read("a,b\n1,2\n", { field = "id" })
      assert.is_nil(given)
      assert.truthy(message:find("no column named 'id'; columns: 'a', 'b'", 1, true))
    end)

    it("refuses a name that stands twice, and takes the column's number", function()
      local given, message = read("id,name,id\n1,x,2\n", { field = "id", form = ids.forms.digits })
      assert.is_nil(given)
      assert.truthy(message:find("the header has the name 'id' twice: give the column's number, "
        .. "--field 1 or --field 3", 1, true), message)
      os.remove(path)
      assert.same({ "2" }, ids_of("id,name,id\n1,x,2\n", { field = "3", form = ids.forms.digits }))
      os.remove(path)
      assert.same({ "x" }, ids_of("id,name,id\n1,x,2\n", { field = "name" }))
    end)

    local digits = ids.forms.digits
    local quotes = {
      { "does not end", 'name\tid\n"5 inch\t10\npipe\t20\nrod\t30\n',
        { "!an unclosed quote", "20", "30" } },
      { "ends in another row", 'name\tid\n"5 inch\t10\npipe\t20\n6"\t50\nrod\t30\n',
        { "!an unclosed quote that takes in the lines after it", "20", "50", "30" } },
      { "ends behind the ids", 'id;name\n10;"5 inch\n20;pipe\n30;6"\n40;rod\n',
        { "!an unclosed quote that takes in the lines after it", "20", "30", "40" } },
      { "begins in two rows", 'name,id\n"5 inch,10\npipe,20\n"6 inch,30\n',
        { "!text after a closing quote", "20", "!an unclosed quote" } },
    }
    for _, row in ipairs(quotes) do
      it("gives up no more than its own row for a quote that " .. row[1], function()
        assert.same(row[3], ids_of(row[2], { field = "id", form = digits }))
      end)
    end

    it("gives up the whole of a row with line feeds that is too wide", function()
      assert.same({ "!3 fields, but the header has 2", "20" },
        ids_of('id,note\n10,"a\nb",c\n20,d\n', { field = "id", form = digits }))
    end)

    it("reads line ends of all systems, in one file", function()
      assert.same({ "10", "20", "30", "40" },
        ids_of("id,name\n10,a\r20,b\r\n30,c\n40,d\r", { field = "id", form = digits }))
    end)

    it("names lines as an editor counts them", function()
      local given = assert(read('id,x\n"a\nb",1\nc,2\n,3\n', { field = "id" }))
      assert.same({ 2, 5 }, { given.bad[1].line, given.bad[2].line })
    end)
  end)

  describe("NDJSON", function()
    local rows = {
      { "takes the field of this name", '{"id":"a","x":1}\n{"x":2,"id":"b"}\n', { "a", "b" } },
      { "takes whole numbers", '{"id":4711}\n', { "4711" } },
      { "skips blank lines", '\n{"id":"a"}\n\n', { "a" } },
      { "tells of what has no id", '{"id":"a"}\n{"x":1}\n{"id":null}\n{"id":""}\n',
        { "a", "!no id in 'id'", "!no id in 'id'", "!no id in 'id'" } },
      { "tells of what is no object", '{"id":"a"}\n{\n7\n', { "a", "!not a JSON object",
        "!not a JSON object" } },
    }
    for _, row in ipairs(rows) do
      it(row[1], function()
        assert.same(row[3], ids_of(row[2], { field = "id" }))
      end)
    end

    it("does not guess at a number that it cannot tell exactly", function()
      for _, number in ipairs({ "9007199254740993", "1.5", "1e300" }) do
        assert.matches("^!the number", ids_of('{"id":' .. number .. "}\n", { field = "id" })[1])
        os.remove(path)
      end
    end)

  end)

  describe("what is no text", function()
    it("is refused as a whole, by the line", function()
      local given, message = read("a\nb\0c\n")
      assert.is_nil(given)
      assert.truthy(message:find("line 2 contains a NUL byte", 1, true), message)
    end)

    it("is refused where it cannot be opened or read", function()
      for _, name in ipairs({ "/nowhere/ids", "/" }) do
        local given, message = input.read({ files = { name }, form = TEXT })
        assert.is_nil(given)
        assert.string(message)
      end
    end)
  end)

  it("takes arguments, or a file, or stdin, and says which are missing", function()
    path = cli.file("from\nstdin\n")
    local stdin = assert(io.open(path, "rb"))
    local function of(options)
      options.form, options.stdin = TEXT, stdin
      stdin:seek("set", 0)
      local given, message = input.read(options)
      return given and drain(given) or message
    end
    assert.same({ "a", "b" }, of({ ids = { "a", "b" } }))
    assert.same({ "from", "stdin" }, of({ ids = { "-" }, is_terminal = true }))
    assert.same({ "from", "stdin" }, of({ ids = {} }))
    assert.same({ "from", "stdin" }, of({ files = { "-" } }))
    assert.matches("^no ids", of({ ids = {}, is_terminal = true }))
    assert.matches("not both", of({ ids = { "a" }, files = { "x" } }))
    assert.matches("%-%-field", of({ ids = { "a" }, field = "x" }))
    stdin:close()
  end)

  it("reads several files in turn, each by its own header", function()
    local one, two = cli.file("id,x\na,1\n\nbad line\n"), cli.file("y;id\n2;b\n3;c;4\n")
    local given = assert(input.read({ files = { one, two }, field = "id", form = TEXT }))
    assert.same({ "a", "!1 field, but the header has 2", "b", "!3 fields, but the header has 2" },
      drain(given))
    assert.same({ one .. ", line 4", two .. ", line 3" }, {
      given:complaints()[1]:match("^(.-, line %d)"), given:complaints()[2]:match("^(.-, line %d)"),
    })
    assert.not_equal(given.fingerprint,
      input.read({ files = { two, one }, field = "id", form = TEXT }).fingerprint)
    assert.matches("only once", select(2, input.read({ files = { "-", one, "-" }, form = TEXT,
      stdin = io.open(one) })))
    os.remove(one)
    os.remove(two)
  end)

  it("reads twice what can be read once", function()
    local pipe = io.popen("printf 'a\\nb\\n'")
    local given = assert(input.read({ ids = { "-" }, stdin = pipe, form = TEXT }))
    assert.equal(2, given.total)
    assert.same({ "a", "b" }, drain(given))
    assert.same({ "a", "b" }, drain(given))
    pipe:close()
  end)

  it("has another fingerprint for other ids, and for another field", function()
    local prints = {}
    for _, case in ipairs({ { "id,x\na,b\n", "id" }, { "id,x\na,b\n", "x" },
      { "id,x\na,c\n", "id" }, { "a\nb\n" } }) do
      prints[assert(read(case[1], { field = case[2] })).fingerprint] = true
      os.remove(path)
    end
    local count = 0
    for _ in pairs(prints) do
      count = count + 1
    end
    assert.equal(4, count)
    local listed = input.read({ ids = { "a", "b" }, form = TEXT })
    assert.is_true(prints[listed.fingerprint])
  end)

  it("names the first bad lines, cleaned, and counts the rest", function()
    local given = assert(read("ok\n" .. ("a b\27[31m\n"):rep(25)))
    local list = given:complaints()
    assert.equal(21, #list)
    assert.truthy(list[1]:find(", line 2: 'a b[31m': ", 1, true), list[1])
    assert.equal("… and 5 more", list[21])
  end)

  it("hands out no more than it checked, and says where there is less", function()
    local given = assert(read("a\nb\nc\n"))
    local file = io.open(path, "ab")
    file:write("d\n")
    file:close()
    assert.same({ "a", "b", "c" }, drain(given))
    assert.is_nil(given.is_short)
    file = io.open(path, "wb")
    file:write("a\n")
    file:close()
    assert.same({}, drain(given))
    assert.is_true(given.is_short)
  end)

  -- The ids of a file of several blocks: a letter and a number.
  local function numbered(letter, count)
    local lines = {}
    for i = 1, count do
      lines[i] = ("%s%06d"):format(letter, i)
    end
    return lines
  end

  for _, way in ipairs({ "reader", "filler" }) do
    -- What a file gives that was checked as `before` and is `after` now; the first id of the next.
    local function rewritten(before, after)
      local given = assert(read(table.concat(before, "\n") .. "\n"))
      local file = assert(io.open(path, "wb"))
      file:write(table.concat(after, "\n"), "\n")
      file:close()
      local list, next_id, fill = {}, given:reader(), given:filler()
      if way == "reader" then
        for id in next_id do
          list[#list + 1] = id
        end
      else
        local chunk = {}
        repeat
          local count = fill(chunk, 256)
          for i = 1, count do
            list[#list + 1] = chunk[i]
          end
        until count == 0
      end
      return list, given
    end

    it("hands out no id that was not checked, by its " .. way, function()
      local before, after = numbered("a", 20000), numbered("b", 20000)
      local list, given = rewritten(before, after)
      assert.same({}, list)
      assert.is_true(given.is_short)
      for i = 1, 15000 do
        after[i] = before[i]
      end
      list, given = rewritten(before, after)
      assert.is_true(#list > 0 and #list <= 15000, #list .. " ids")
      for i, id in ipairs(list) do
        assert.equal(before[i], id)
      end
      assert.is_true(given.is_short)
    end)

    it("minds nothing that was added to a file, by its " .. way, function()
      local before, after = numbered("a", 20000), numbered("a", 50000)
      local list, given = rewritten(before, after)
      assert.same(before, list)
      assert.is_nil(given.is_short)
    end)
  end

  it("takes no part of an id for one where the file ends early", function()
    local before = numbered("a", 20000)
    local given = assert(read(table.concat(before, "\n")))
    local next_id, file = given:reader(), assert(io.open(path, "wb"))
    file:close()
    local count = 0
    for id in next_id do
      count = count + 1
      assert.equal(before[count], id)
    end
    assert.is_true(given.is_short)
  end)

  it("takes nothing that was added to one file for what another holds", function()
    local other = cli.file("")
    path = cli.file("")
    finally(function()
      os.remove(other)
    end)
    local function write(name, lines)
      local file = assert(io.open(name, "wb"))
      file:write(table.concat(lines, "\n"), "\n")
      file:close()
    end
    write(path, { "a1", "a2" })
    write(other, { "b1", "b2" })
    local given = assert(input.read({ files = { path, other }, form = TEXT }))
    write(path, { "a1", "a2", "a3" })
    for _, id in ipairs(drain(given)) do
      assert.not_equal("a3", id)
    end
    assert.is_true(given.is_short)
  end)
end)
