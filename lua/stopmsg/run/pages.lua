-- A list that fills up in any order, in pages: for those who share their thread with others. A
-- table of a million places takes milliseconds to make, and a collector of Lua walks through all of
-- it in one go, each time that something was put into it.

local pages = {}

-- Places of a page. A collector works in return for what is allocated: that of Lua 5.4, where it is
-- incremental, does 100 units of work for each 8 bytes, all of it at one time.
local SIZE = 512

-- Places from which on it takes a millisecond to make a table twice as large.
local LARGE = 131072

-- What a collector finds in a table that it has walked through before, it walks through at its end,
-- all at one time. A page that is full is put where it sees it at once: into a variable of a
-- function, the one place for which every Lua does so.
local function shower()
  local shown
  return function(page)
    local before = shown
    shown = page
    return before
  end
end

-- list, move = pages.new()
-- The list is for `list[place] = item` and for `list[place]`. move(into, breathe) puts all items
-- into a plain list, in their order, and empties this one; places that nobody filled must be the
-- last. breathe(true) lets others run, breathe() does when it is time to.
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
