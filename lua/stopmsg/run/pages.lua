-- A list in pages, filled in any order, for threads shared with other coroutines. A table of a
-- million places takes milliseconds to allocate, and Lua's collector traverses it in one step after
-- each write.

local pages = {}

-- Places per page. The collector works in proportion to allocation: in incremental mode, Lua 5.4
-- does 100 units of work per 8 bytes, all in one step.
local SIZE = 512

-- Places from which doubling a table takes a millisecond.
local LARGE = 131072

-- The collector traverses a table again at the end of its cycle, all in one step, if it changed
-- after the first traversal. A full page is therefore shown to it at once, in an upvalue: the only
-- place where every Lua version marks it immediately.
local function shower()
  local shown
  return function(page)
    local before = shown
    shown = page
    return before
  end
end

-- list, move = pages.new()
-- The list supports `list[place] = item` and `list[place]`. move(into, breathe) moves all items in
-- order to a plain list and empties this one; only the last places may be unfilled. breathe(true)
-- lets other coroutines run, breathe() does so when it is time.
function pages.new()
  local shelf, room, last, show = {}, {}, 0, shower()
  local list = setmetatable({}, {
    __index = function(_, place)
      local at = (place - 1) % SIZE
      local page = shelf[(place - 1 - at) / SIZE + 1]
      return page and page[at + 1] or nil
    end,
    __newindex = function(_, place, item)
      local at = (place - 1) % SIZE
      local number = (place - 1 - at) / SIZE + 1
      local page = shelf[number]
      if not page then
        page = {}
        shelf[number], room[number] = page, SIZE
        last = math.max(last, number)
      end
      page[at + 1] = item
      room[number] = room[number] - 1
      if room[number] == 0 then
        show(page)
      end
    end,
  })
  local function move(into, breathe)
    local doubles_at = LARGE
    for number = 1, last do
      local page, before = shelf[number], (number - 1) * SIZE
      if before == doubles_at then
        doubles_at = doubles_at * 2
        breathe(true)
      else
        breathe()
      end
      for at = 1, SIZE do
        into[before + at] = page[at]
      end
      shelf[number] = nil
    end
    last = 0
  end
  return list, move
end

return pages
