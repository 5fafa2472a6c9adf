-- Files that people have, in spec/inputs, and what comes of each: the ids that are sent, the lines
-- that are named, or why the whole is refused. No id is taken that the file does not mean, and none
-- is lost without a word.

local disguise = require("stopmsg.cli.disguise")
local ids = require("stopmsg.ids")
local input = require("stopmsg.cli.input")
local providers = require("stopmsg.provider")

local A = "2a28d557-22a1-4be6-8908-1481723043dd"
local B = "811c27e3-3bc4-406a-9fcd-44435a8208da"
local C = "cc46e6b6-2d77-4457-aa81-c17a02770000"

-- The form of ids by one letter.
local FORMS = {
  u = ids.forms.uuid,
  d = ids.forms.digits,
  t = ids.forms.text,
  p = providers.load("pushwoosh").operations.stop.id,
  c = providers.load("clickatell").operations.stop.id,
}

-- File, form; field: --field; ids: what is sent; bad: line -> what is said of it; refused: why all
-- of it is; note: what else is told; odd: how many are of an unusual shape.
local ROWS = {
  { "plain.txt", "u", ids = { A, B, C } },
  { "no-last-line-end.txt", "u", ids = { A, B } },
  { "crlf.txt", "u", ids = { A, B } },
  { "cr-alone.txt", "u", ids = { A, B, C } },
  { "mixed-line-ends.txt", "u", ids = { A, B, C } },
  { "bom.txt", "u", ids = { A, B } },
  { "bom-inside.txt", "u", ids = { A, B, C } },
  { "utf-16le-bom.txt", "u", ids = { A, B } },
  { "utf-16be-bom.txt", "u", ids = { A, B } },
  { "utf-16le-no-bom.txt", "u", ids = { A, B } },
  { "comments.txt", "u", ids = { A, B } },
  { "upper-case.txt", "u", ids = { "2A28D557-22A1-4BE6-8908-1481723043DD", B } },
  { "braces.txt", "u", ids = { A, "811C27E3-3BC4-406A-9FCD-44435A8208DA" } },
  { "urn.txt", "u", ids = { A, B } },
  { "no-dashes.txt", "u", ids = { A, B } },
  { "excel-formula.txt", "u", ids = { A, B } },
  { "apostrophe.txt", "d", ids = { "10000000125", "10000000126" } },
  { "double-quotes.txt", "u", ids = { A, B } },
  { "single-quotes.txt", "u", ids = { A, B } },
  { "sql-list.txt", "u", ids = { A, B, C } },
  { "zero-width-space.txt", "u", ids = { A }, bad = { [2] = "zero width space %(U%+200B%)" } },
  { "no-break-space.txt", "u", ids = { A }, bad = { [2] = "no%-break space %(U%+00A0%)" } },
  { "soft-hyphen.txt", "u", ids = { B }, bad = { [1] = "soft hyphen" } },
  { "cyrillic-letter.txt", "u", ids = { B }, bad = { [1] = "U%+0430" } },
  { "en-dashes.txt", "u", ids = { B }, bad = { [1] = "U%+2013" } },
  { "rounded-by-a-spreadsheet.txt", "d", ids = { "10000000125" },
    bad = { [1] = "spreadsheet rounded" } },
  { "decimal-comma.txt", "d", ids = { "10000000125" }, bad = { [2] = "spreadsheet rounded" } },
  { "short-line.txt", "u", ids = { A, C }, bad = { [2] = "expected a UUID" } },
  { "header-line.txt", "u", ids = { A, B }, bad = { [1] = "expected a UUID" } },
  { "url.txt", "u", ids = { A }, bad = { [2] = "expected a UUID" } },
  { "two-in-a-line.txt", "u", ids = { C }, bad = { [1] = "expected a UUID" } },
  { "repeated.txt", "u", ids = { A, B, A } },
  { "empty.txt", "u", ids = {} },
  { "only-comments.txt", "u", ids = {} },
  { "zeros.bin", "u", refused = "NUL byte" },
  { "dispatches.txt", "d", ids = { "10", "20", "30" } },
  { "unusual.txt", "c", ids = { "360586640fe9846954897dffe6c13dfc", "msg-1" }, odd = 1 },
  { "pushwoosh-uuids.txt", "p", ids = { A, B }, odd = 2 },
  { "comma.csv", "d", field = "id", ids = { "10", "20" } },
  { "semicolon.csv", "d", field = "id", ids = { "10", "20" } },
  { "tab.tsv", "d", field = "id", ids = { "10", "20" } },
  { "bar.txt", "d", field = "id", ids = { "10", "20" } },
  { "sep-line.csv", "d", field = "id", ids = { "10", "20" } },
  { "sep-line-crlf-bom.csv", "d", field = "id", ids = { "10" } },
  { "sep-tab.csv", "d", field = "id", ids = { "10" } },
  { "utf-16-tab.csv", "d", field = "id", ids = { "10", "20" } },
  { "windows-1251.csv", "d", field = "Номер", ids = { "10", "20" } },
  { "windows-1251-case.csv", "d", field = "номер", ids = { "10" } },
  { "windows-1252.csv", "d", field = "numéro", ids = { "10" } },
  { "utf-8-header-case.csv", "d", field = "идентификатор", ids = { "10" } },
  { "excel-semicolon.csv", "u", field = "uuid", ids = { A, B } },
  { "header-twice.csv", "d", field = "id",
    refused = "twice: give[^\n]*%-%-field 1 or %-%-field 3" },
  { "header-twice-number.csv", "d", field = "3", ids = { "10" },
    note = "treating the first row as a header" },
  { "header-twice-case.csv", "d", field = "Id", refused = "'Id' twice" },
  { "no-header.csv", "d", field = "2", ids = { "10", "20" } },
  { "no-header-uuid.csv", "u", field = "1", ids = { A, B } },
  { "no-header-one-column.csv", "d", field = "1", ids = { "10", "20" } },
  { "number-with-header.csv", "d", field = "2", ids = { "10" },
    note = "treating the first row as a header" },
  { "number-too-large.csv", "d", field = "5", refused = "no column 5" },
  { "number-too-large.csv", "d", field = ("9"):rep(20), refused = "no column 1%d+: the first" },
  { "number-too-large.csv", "d", field = "0", refused = "no column named '0'" },
  { "no-such-column.csv", "d", field = "number", refused = "columns: 'name',%s'id'" },
  { "row-too-wide.csv", "d", field = "id", ids = { "10", "30" },
    bad = { [3] = "3 fields, but the header has 2" } },
  { "row-too-narrow.csv", "d", field = "id", ids = { "10", "30" },
    bad = { [3] = "2 fields, but the header has 3" } },
  { "unquoted-comma.csv", "d", field = "id", ids = { "20" }, bad = { [2] = "4 fields" } },
  { "quoted.csv", "d", field = "id", ids = { "10", "20" } },
  { "quoted-line-feed.csv", "d", field = "id", ids = { "10", "20" } },
  { "stray-quote.tsv", "d", field = "id", ids = { "10", "20" },
    bad = { [2] = "an unclosed quote" } },
  { "stray-quotes.tsv", "d", field = "id", ids = { "10", "20", "30" },
    bad = { [2] = "quote that takes in" } },
  { "stray-quote-last.csv", "d", field = "id", ids = { "20", "40" },
    bad = { [2] = "text after a closing quote", [4] = "an unclosed quote" } },
  { "lf-header-cr-rows.csv", "d", field = "id", ids = { "10", "20", "30" } },
  { "cr-alone.csv", "d", field = "id", ids = { "10", "20" } },
  { "blank-lines.csv", "d", field = "id", ids = { "10", "20" } },
  { "missing-id.csv", "d", field = "id", ids = { "10", "20" }, bad = { [3] = "no id" } },
  { "trailing-separator.csv", "d", field = "id", ids = { "10", "20" } },
  { "two-files-in-one.csv", "d", field = "id", ids = { "10", "20" },
    bad = { [3] = "has the wrong format" } },
  { "psql.txt", "d", field = "id", ids = { "10", "20" }, bad = { [2] = "1 field",
    [5] = "1 field" } },
  { "table-without-field.csv", "d",
    refused = "looks like a table[^\n]*%-%-field[^\n]*columns: 'id',%s'name'" },
  { "table-without-field.tsv", "u", refused = "looks like a table" },
  { "sep-without-field.csv", "d", refused = "looks like a table[^\n]*semicolon" },
  { "one-line-list.txt", "d", refused = "looks like a table" },
  { "text-ids-table.csv", "t", refused = "looks like a table" },
  { "objects.ndjson", "u", field = "id", ids = { A, B } },
  { "nested.ndjson", "u", field = "message.id", ids = { A, B } },
  { "dotted-name.ndjson", "u", field = "message.id", ids = { A } },
  { "numbers.ndjson", "d", field = "id", ids = { "10" }, bad = { [2] = "number", [3] = "number" } },
  { "name-twice.ndjson", "d", field = "id", ids = { "30" }, bad = { [1] = "two fields named" } },
  { "other-case.ndjson", "d", field = "ID", ids = { "10" } },
  { "broken-line.ndjson", "d", field = "id", ids = { "10", "30" },
    bad = { [2] = "not a JSON object" } },
  { "array-of-strings.json", "u", ids = { A, B } },
  { "array-of-objects.json", "u", field = "id", ids = { A, B } },
  { "array-pretty.json", "u", field = "id", ids = { A, B } },
  { "pretty-objects.json", "u", field = "id", ids = { A, B } },
  { "one-object-list.json", "u", field = "messages.id", ids = { A, B } },
  { "array-bom.json", "u", field = "id", ids = { A } },
  { "array-utf-16.json", "u", field = "id", ids = { A } },
  { "array-cut-off.json", "u", field = "id", ids = { A, B }, bad = { [1] = "is not closed" } },
  { "array-of-numbers.json", "d", ids = { "10", "20", "30" } },
  { "objects-without-field.json", "u",
    refused = "this is JSON[^\n]*%-%-field[^\n]*fields: 'id',%s'name'" },
  { "ndjson-without-field.ndjson", "t", refused = "this is JSON" },
  { "escaped.json", "t", field = "id", ids = { "a/b1" } },
}

describe("a file of ids", function()
  local function read(row)
    return input.read({ files = { "spec/inputs/" .. row[1] }, field = row.field,
      form = FORMS[row[2]] })
  end

  for _, row in ipairs(ROWS) do
    it("like " .. row[1] .. (row.field and " with --field " .. row.field or ""), function()
      local given, message = read(row)
      if row.refused then
        assert.is_nil(given)
        assert.matches(row.refused, message)
        return
      end
      assert.is_table(given, message)
      local found, problems = {}, 0
      for id in given:reader() do
        if type(id) == "table" or not ids.check(FORMS[row[2]], id) then
          problems = problems + 1
        else
          found[#found + 1] = id
        end
      end
      assert.same(row.ids, found)
      local lines, count = {}, 0
      for _, bad in ipairs(given.bad) do
        lines[bad.line] = bad.message
      end
      for line, pattern in pairs(row.bad or {}) do
        count = count + 1
        assert.is_string(lines[line], ("line %d is not named"):format(line))
        assert.matches(pattern, lines[line])
      end
      assert.same({ count, count }, { given.bad_count, problems })
      assert.equal(row.odd or 0, given.odd)
      assert.equal(row.note and 1 or 0, #given:notes())
      if row.note then
        assert.matches(row.note, given:notes()[1])
      end
    end)
  end

  it("has a row here for every file of the folder, and there are at least sixty", function()
    local known, count = {}, 0
    for _, row in ipairs(ROWS) do
      known[row[1]] = true
    end
    local pipe = io.popen("ls spec/inputs")
    for name in pipe:lines() do
      assert.is_true(known[name], name)
      count = count + 1
    end
    pipe:close()
    assert.is_true(count >= 60)
  end)

  it("is read the same from a pipe, whose bytes come as they like", function()
    for _, row in ipairs(ROWS) do
      if row.ids then
        local pipe = io.popen("cat 'spec/inputs/" .. row[1] .. "'")
        local given = assert(input.read({ ids = { "-" }, stdin = pipe, field = row.field,
          form = FORMS[row[2]] }))
        assert.equal(#row.ids + given.bad_count, given.total, row[1])
        assert.equal(read(row).fingerprint, given.fingerprint)
        pipe:close()
      end
    end
  end)

  it("names a look-alike only where it is one", function()
    assert.is_nil(disguise.explain("abc", "x"))
  end)
end)
