-- Which of very many cases a run tries: all, or one of SPEC_SAMPLE; of those that have names one of
-- SPEC_NAMED. `make test` sets both for each Lua: those whose SPEC_SHARE are the numbers below
-- SPEC_NAMED try each case that has a name once among them, the others have a choice of their own.
-- All try the same whenever they are run.

local sample = {}

-- One case of how many.
sample.OF = tonumber(os.getenv("SPEC_SAMPLE")) or 1

-- Of those that have names.
local NAMED = tonumber(os.getenv("SPEC_NAMED")) or sample.OF

-- Which share of them all, from 0 on; nil for cases of its own choice.
local SHARE = tonumber(os.getenv("SPEC_SHARE"))

-- Where cases come from a seed: part of it, another one for each choice.
sample.SEED = 1 + (SHARE or tonumber(_VERSION:match("%d$")))

-- takes = sample.start(): takes() says of one case after another whether it is tried.
function sample.start()
  if sample.OF == 1 then
    return function()
      return true
    end
  end
  local state, share = 20261129, SHARE
  if not share then
    state, share = state + tonumber(_VERSION:match("%d$")), 0
  end
  return function()
    state = state * 16807 % 2147483647 -- Park and Miller's generator
    return state % sample.OF == share
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

-- it = sample.its(it, about): those cases of a file, or of what they are about, that are tried.
-- They are known by their titles: in which order a loop makes them is up to the Lua.
function sample.its(it, about)
  local share = SHARE or tonumber(_VERSION:match("%d$"))
  return function(title, run)
    local name, hash = (about or "") .. title, 0
    for i = 1, #name do
      hash = (hash * 31 + name:byte(i)) % 2147483647
    end
    if hash % NAMED == share % NAMED then
      return it(title, run)
    end
  end
end

-- How many cases are tried, in words.
function sample.told(count, what)
  return ("%d %s%s"):format(count, what or "cases",
    sample.OF > 1 and (", one of %d"):format(sample.OF) or "")
end

return sample
