-- Requests in flight, and whose answer is whose. All runs of a client share its engine; the table
-- `flights` (slot -> batch) knows the run of each request. An answer that another run collected
-- waits in its owner's inbox.

local compat = require("stopmsg.compat")

local delivery = {}

-- slot, why = delivery.submit(engine, number, batch, timeout, flights)
-- Nothing may come between the engine and what is noted here: a finalizer that uses the client
-- would take the answer, or the slot.
delivery.submit = compat.interpreted(function(engine, number, batch, timeout, flights)
  local slot, why = engine:submit(number, batch.ids, 1, batch.count, timeout, batch.uuid,
    batch.lines, batch.made)
  if slot then
    flights[slot] = batch
  end
  return slot, why
end)

-- batch, status, … as engine:collect() gives them; the batch is false where nobody knows of it.
local take = compat.interpreted(function(engine, flights)
  local slot, status, body, stage, fault, detail, retry_after, connections, items =
    engine:collect()
  if not slot then
    return nil
  end
  local batch = flights[slot] or false
  flights[slot] = nil
  return batch, status, body, stage, fault, detail, retry_after, connections, items
end)

-- Owner of an answer whose submission was cut off before its run was noted.
local NOBODY = {}

-- owner = delivery.take(engine, flights, run, arrived): takes one answer. `arrived` gets it with
-- the run where it belongs to `run` (or nil); another's goes into that one's inbox. nil when there
-- is none.
function delivery.take(engine, flights, run, arrived)
  local batch, status, body, stage, fault, detail, retry_after, connections, items =
    take(engine, flights)
  if batch == nil then
    return nil
  end
  local owner = batch and batch.run or NOBODY
  if batch and owner == run then
    arrived(run, batch, status, body, stage, fault, detail, retry_after, connections, items)
  elseif batch then
    owner._on_way = owner._on_way + 1
    -- Made before its place is chosen: a finalizer may use the client and deliver another one.
    local parcel = { batch, status, body, stage, fault, detail, retry_after, connections, items }
    owner._inbox[#owner._inbox + 1] = parcel
    owner._on_way = owner._on_way - 1
  end
  return owner
end

-- true | nil, message, code = delivery.move(engine, flights, told): moves all bytes and puts what
-- came into the inboxes; told(run) for each.
function delivery.move(engine, flights, told)
  local moved, message, code = engine:step()
  if not moved then
    return nil, message, code
  end
  local owner = delivery.take(engine, flights)
  while owner do
    told(owner)
    owner = delivery.take(engine, flights)
  end
  return true
end

-- batches = delivery.forsake(flights, run): what `run` has in flight; its answers go to nobody.
function delivery.forsake(flights, run)
  local batches = {}
  for slot, batch in pairs(flights) do
    if batch.run == run then
      flights[slot] = { run = { _inbox = {}, _on_way = 0 } }
      batches[#batches + 1] = batch
    end
  end
  return batches
end

return delivery
