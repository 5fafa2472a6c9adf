-- What the papers say, as tables: sections, tables and fenced blocks of a page in Markdown.

local markdown = {}

function markdown.read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

-- The lines of a page, each with whether it stands inside a fenced block.
local function lines(text)
  local list, fence = {}, nil
  for line in text:gmatch("([^\n]*)\n") do
    local mark = line:match("^%s*(```+)")
    local is_fence = mark ~= nil and (fence == nil or mark == fence)
    list[#list + 1] = { text = line, is_code = fence ~= nil or is_fence }
    if is_fence then
      fence = not fence and mark or nil
    end
  end
  return list
end

-- The headings of a page: { level, text, line }.
function markdown.headings(text)
  local list = {}
  for i, line in ipairs(lines(text)) do
    local marks, heading = line.text:match("^(#+) (.*)$")
    if marks and not line.is_code then
      list[#list + 1] = { level = #marks, text = heading, line = i }
    end
  end
  return list
end

-- The anchor that a heading is reached by.
function markdown.anchor(heading)
  local anchor = heading:gsub("%[([^%]]*)%]%b()", "%1"):lower()
  return (anchor:gsub("[^%w%s_\128-\255-]", ""):gsub(" ", "-"))
end

-- The text below a heading, up to the next one of its level or above.
function markdown.section(text, heading)
  local all, found = lines(text), nil
  local body = {}
  local at = {}
  for _, h in ipairs(markdown.headings(text)) do
    at[h.line] = h
  end
  for i, line in ipairs(all) do
    local h = at[i]
    if found and h and h.level <= found then
      break
    elseif not found and h and h.text == heading then
      found = h.level
    elseif found then
      body[#body + 1] = line.text
    end
  end
  assert(found, "no section is called " .. heading)
  return table.concat(body, "\n") .. "\n"
end

-- The cells of a row; a bar inside `code` is none between two cells.
local function cells(line)
  local hidden = line:gsub("`[^`]*`", function(code)
    return (code:gsub("|", "\1"))
  end)
  local row = {}
  for cell in hidden:match("^|(.*)|%s*$"):gmatch("([^|]*)|?") do
    row[#row + 1] = cell:gsub("\1", "|"):match("^%s*(.-)%s*$")
  end
  return row
end

-- The tables of a text whose first heading cell is `first`: their rows below the heading.
function markdown.rows(text, first)
  local rows, is_inside = {}, false
  for _, line in ipairs(lines(text)) do
    local is_row = not line.is_code and line.text:find("^|.*|%s*$")
    if not is_row then
      is_inside = false
    elseif not is_inside then
      is_inside = cells(line.text)[1] == first and "heading"
    elseif is_inside == "heading" then
      is_inside = true -- the line of dashes
    else
      rows[#rows + 1] = cells(line.text)
    end
    if is_row and not is_inside then
      is_inside = false
    end
  end
  assert(#rows > 0, "no table begins with " .. first)
  return rows
end

-- The words in `code` of a cell.
function markdown.codes(cell)
  local list = {}
  for code in cell:gmatch("`([^`]*)`") do
    list[#list + 1] = code
  end
  return list
end

-- The fenced blocks of a page: { language, text, line, info }.
function markdown.blocks(text)
  local list, block, fence = {}, nil, nil
  for i, line in ipairs(lines(text)) do
    local mark, info = line.text:match("^(```+)(.*)$")
    if block and mark == fence then
      block.text = table.concat(block, "\n") .. "\n"
      list[#list + 1] = block
      block = nil
    elseif block then
      block[#block + 1] = line.text
    elseif mark then
      block, fence = { language = info:match("^%S*"), info = info, line = i }, mark
    end
  end
  return list
end

return markdown
