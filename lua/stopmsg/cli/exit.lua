-- Exit codes of the command, and which one fits.

local exit = {
  ok = 0, -- all stopped
  fault = 1, -- of the program, or of the machine it runs on
  usage = 2, -- usage or input wrong; nothing was sent
  refused = 3, -- some too_late, recalled, not_stoppable, not_found, invalid
  unsure = 4, -- some unknown or accepted
  undone = 5, -- some failed or skipped
  credentials = 6,
  signal = 128, -- and the signal's number
}

local function any(counts, ...)
  for _, word in ipairs({ ... }) do
    if counts[word] > 0 then
      return true
    end
  end
  return false
end

-- code = exit.of(counts, signal): counts by outcome, the signal that interrupted the run or nil.
function exit.of(counts, signal)
  if any(counts, "denied") then
    return exit.credentials
  elseif signal then
    return exit.signal + signal
  elseif any(counts, "unknown", "accepted", "open") then
    return exit.unsure
  elseif any(counts, "failed", "skipped") then
    return exit.undone
  elseif any(counts, "too_late", "recalled", "not_stoppable", "not_found", "invalid") then
    return exit.refused
  end
  return exit.ok
end

-- The same for `status`, which stops nothing: what counts is whether each id was found.
function exit.of_lookup(counts, signal)
  if any(counts, "denied") then
    return exit.credentials
  elseif signal then
    return exit.signal + signal
  elseif any(counts, "unknown") then
    return exit.unsure
  elseif any(counts, "failed", "skipped") then
    return exit.undone
  elseif any(counts, "not_found", "invalid") then
    return exit.refused
  end
  return exit.ok
end

exit.about = [[
Exit codes, the first that fits:
   1  a fault of the program, a full disk, results that nobody takes
   2  usage or input wrong; nothing was sent
   6  credentials refused
 130  interrupted (143 by SIGTERM)
   4  some unknown or accepted
   5  some failed or skipped
   3  some too_late, recalled, not_stoppable, not_found or invalid
   0  all stopped]]

exit.about_lookup = [[
Exit codes, the first that fits:
   1  a fault of the program
   2  usage or input wrong; nothing was sent
   6  credentials refused
 130  interrupted (143 by SIGTERM)
   4  of some the state could not be learned
   5  some were not looked up
   3  some not found, or no ids
   0  the state of each is known]]

return exit
