-- The command's exit codes, and which one applies.

local exit = {
  ok = 0, -- all stopped
  fault = 1, -- internal error, or of the machine
  usage = 2, -- usage or input wrong; nothing was sent
  refused = 3, -- some too_late, recalled, not_stoppable, not_found, invalid, denied
  unsure = 4, -- some unknown or accepted, or not proven
  undone = 5, -- some failed or skipped
  credentials = 6,
  unfinished = 7, -- only of a job
  signal = 128, -- plus the signal's number
  cut = 141, -- the reader of the output has gone: as a tool that SIGPIPE ends
}

-- code = exit.refuse(host, message): says what is wrong with the command line or the input.
function exit.refuse(host, message)
  host:say(message)
  return exit.usage
end

local function any(counts, ...)
  for _, word in ipairs({ ... }) do
    if (counts[word] or 0) > 0 then
      return true
    end
  end
  return false
end

-- code = exit.of(counts, how): counts by outcome. how, all optional: `credentials`, the provider
-- refused them and the run ended; `signal` that interrupted it; `unproven`, lookups left something
-- open; `shortage`, a list is incomplete; `nothing`, a list was empty.
function exit.of(counts, how)
  how = how or {}
  if how.credentials then
    return exit.credentials
  elseif how.signal then
    return exit.signal + how.signal
  elseif how.unproven or how.shortage or any(counts, "unknown", "accepted", "open") then
    return exit.unsure
  elseif any(counts, "failed", "skipped") then
    return exit.undone
  elseif how.nothing
    or any(counts, "too_late", "recalled", "not_stoppable", "not_found", "invalid", "denied") then
    return exit.refused
  end
  return exit.ok
end

-- The same for `status`, which stops nothing: depends on whether each id was found.
function exit.of_lookup(counts, how)
  how = how or {}
  if how.credentials then
    return exit.credentials
  elseif how.signal then
    return exit.signal + how.signal
  elseif any(counts, "unknown") then
    return exit.unsure
  elseif any(counts, "failed", "skipped") then
    return exit.undone
  elseif any(counts, "not_found", "invalid", "denied") then
    return exit.refused
  end
  return exit.ok
end

-- Returns whether this item means that refused credentials ended the run.
function exit.is_end(item)
  return item.reason == "credentials" and (item.outcome == "denied" or item.outcome == "skipped")
end

exit.about = [[
Exit codes, the first that fits:
   1  internal error, disk full, or results that could not be written
   2  usage or input wrong; nothing was sent
   6  credentials refused: the run ended
 130  interrupted (129 by SIGHUP, 143 by SIGTERM)
   4  some unknown or accepted, or unproven by --verify, or the list not complete
   5  some failed or skipped
   3  some too_late, recalled, not_stoppable, not_found, invalid or denied, or nothing found
   0  all stopped]]

exit.about_lookup = [[
Exit codes, the first that fits:
   1  internal error, disk full, or results that could not be written
   2  usage or input wrong; nothing was sent
   6  credentials refused
 130  interrupted (129 by SIGHUP, 143 by SIGTERM)
   4  the state of some stayed unknown
   5  some were not looked up
   3  some not found, denied, or no ids
   0  the state of every id is known]]

exit.about_job = [[
Exit codes, the first that fits:
   1  internal error, disk full, or results that could not be written
   2  usage or input wrong, or no such job
 130  interrupted (129 by SIGHUP, 143 by SIGTERM)
   7  the job is not finished
   4  some unknown or accepted
   5  some failed, the job was cancelled, or Redis is away
   3  some too_late, recalled, not_stoppable, not_found, invalid or denied
   0  all stopped]]

exit.about_feed = [[
Exit codes, the first that fits:
   1  internal error, or the input changed while being read
   2  usage or input wrong, a job of other ids, or another feed fills it
 130  interrupted (129 by SIGHUP, 143 by SIGTERM)
   5  Redis is away, or the job was cancelled or forgotten
   0  all ids are in the job]]

exit.about_work = [[
Exit codes, the first that fits:
   1  internal error
   2  usage or input wrong, a job for another address, or none (--once); nothing was sent
   6  credentials refused: what this worker held went back to the job
 130  interrupted (129 by SIGHUP, 143 by SIGTERM)
   5  the provider could not be asked, or Redis was away for too long
   0  the job is finished or cancelled, or nothing is left to take]]

exit.about_list = [[
Exit codes, the first that fits:
   1  internal error, disk full, or results that could not be written
   2  usage or input wrong; nothing was sent
   6  credentials refused
 130  interrupted (129 by SIGHUP, 143 by SIGTERM)
   4  the list could not be read to its end
   3  nothing found
   0  the list is complete]]

return exit
