-- Small XML answers as nested tables.

local xml = require("stopmsg.xml")

local function nested(depth)
  return ("<a>"):rep(depth) .. "x" .. ("</a>"):rep(depth)
end

describe("stopmsg.xml", function()
  describe("decode", function()
    it("gives elements as tables and their text as strings", function()
      assert.same({ response = { data = { messageStatus = "006", description = "stopped" } } },
        xml.decode("<response><data><messageStatus>006</messageStatus>"
          .. "<description>stopped</description></data></response>"))
    end)

    it("takes a declaration, comments and white space between elements", function()
      assert.same({ a = { b = "1" } },
        xml.decode('<?xml version="1.0" encoding="UTF-8"?>\r\n<!-- x --><a>\n  <b>1</b>\n</a>\n'))
    end)

    it("puts text together that comes in pieces", function()
      assert.same({ a = "1 < 2 & 3" }, xml.decode("<a>1 &lt; 2 <![CDATA[&]]> &#51;</a>"))
    end)

    it("gives an empty element as an empty text", function()
      assert.same({ a = { b = "", c = "" } }, xml.decode("<a><b/><c></c></a>"))
    end)

    it("gives attributes beside their element, but for those of the outermost", function()
      assert.same({ a = { b = "1", ["b@c"] = "2", ["b@d"] = "" } },
        xml.decode('<a e="3"><b c="2" d="">1</b></a>'))
    end)

    it("keeps the first of elements of one name", function()
      assert.same({ a = { b = "1" } }, xml.decode("<a><b>1</b><b>2</b></a>"))
    end)

    it("reads other encodings as UTF-8", function()
      assert.same({ a = "\195\164" },
        xml.decode('<?xml version="1.0" encoding="ISO-8859-1"?><a>\228</a>'))
    end)

    for title, given in pairs({
      ["an empty text"] = "",
      ["JSON"] = '{"data":{}}',
      ["plain text"] = "OK",
      ["half a document"] = "<a><b>1</b>",
      ["wrong nesting"] = "<a><b></a></b>",
      ["two roots"] = "<a/><b/>",
      ["a byte that is no UTF-8"] = "<a>\255</a>",
      ["an unknown entity"] = "<a>&nbsp;</a>",
      ["HTML with a DTD"] = "<!DOCTYPE html><html><body>Login</body></html>",
      ["entities that blow up"] = '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>',
      ["a file of the reader's"] = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>'
        .. "<a>&b;</a>",
      ["nests without end"] = ("<a>"):rep(100000),
      ["deep nests that are closed again"] = nested(1000),
    }) do
      it("gives nil and why for " .. title, function()
        local value, message = xml.decode(given)
        assert.is_nil(value)
        assert.matches("^not XML: .", message)
      end)
    end

    it("reads answers of a sensible depth", function()
      local value = xml.decode(nested(8))
      for _ = 1, 8 do
        value = value.a
      end
      assert.equal("x", value)
    end)

    it("works again after a failure", function()
      xml.decode("<a>")
      assert.same({ a = "1" }, xml.decode("<a>1</a>"))
    end)
  end)

  -- What LuaExpat gives where Expat gets no memory.
  for where, lxp in pairs({
    ["for a parser"] = { new = function() error("XML_ParserCreate failed") end },
    ["for what it reads"] = { new = function()
      return {
        parse = function() return nil, "out of memory", 1, 1, 1 end,
        close = function() error("out of memory") end,
      }
    end },
  }) do
    it("raises the lack of memory " .. where, function()
      local kept, kept_xml = package.loaded.lxp, package.loaded["stopmsg.xml"]
      finally(function()
        package.loaded.lxp, package.loaded["stopmsg.xml"] = kept, kept_xml
      end)
      package.loaded.lxp, package.loaded["stopmsg.xml"] = lxp, nil
      local raised, message = pcall(require("stopmsg.xml").decode, "<a/>")
      assert.is_false(raised)
      assert.equal("not enough memory", message)
    end)
  end
end)
