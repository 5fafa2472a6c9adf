-- Which of very many cases a run tries: all, or one of SPEC_SAMPLE. `make test` sets that for the
-- Luas that need not try all; each tries others, and the same whenever it is run.

local sample = {}

-- One case of how many.
sample.OF = tonumber(os.getenv("SPEC_SAMPLE")) or 1

-- takes = sample.start(): takes() says of one case after another whether it is tried.
function sample.start()
  if sample.OF == 1 then
    return function()
      return true
    end
  end
  local state = 20261129 + tonumber(_VERSION:match("%d$"))
  return function()
    state = state * 16807 % 2147483647 -- Park and Miller's generator
    return state % sample.OF == 0
  end
end

-- chosen = sample.chooser(): chosen(list) gives those of a list that are tried, one at least.
function sample.chooser()
  local takes = sample.start()
  return function(list)
    local chosen = {}
    for _, case in ipairs(list) do
      if takes() then
        chosen[#chosen + 1] = case
      end
    end
    chosen[1] = chosen[1] or list[1]
    return chosen
  end
end

-- How many cases are tried, in words.
function sample.told(count)
  return sample.OF == 1 and ("%d cases"):format(count)
    or ("%d cases, one of %d"):format(count, sample.OF)
end

return sample
