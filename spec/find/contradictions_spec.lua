-- A full page of each provider's list, after which the list goes on, spoilt at one place that its
-- definition names, or with an error beside it: none passes for the end of the list.

local answers = require("spec.support.answers")
local core = require("stopmsg.core")
local find = require("stopmsg.find")
local pages = require("stopmsg.find.pages")
local places = require("spec.support.json_places")
local providers = require("stopmsg.provider")
local recorded = require("stopmsg.sandbox.recorded")

local VALUES = { '"zzz"', '""', "null", "987654", "1", "-1", "0", "0.5", "false", "true",
  '"false"', "{}", "[]", '{"a":1}', '["x"]', "[null]", "[{}]" }

local BESIDE = { '"error":"x"', '"error":{"code":1}', '"errors":["x"]', '"success":false',
  '"ok":false', '"status":"error"', '"result":"failed"', '"code":5,"message":"x"',
  '"error_code":30007' }

local DIRECT = '{"total":<total>,"items":[<entries>]}'

-- Of those without recorded answers.
local GOOD = {
  idigital = { id = "%d", call = "find_dispatch", find = { body = DIRECT,
    entry = '{"dispatchId":<id>,"status":"scheduled"}' } },
  pushwoosh = { id = "1A2B-3C4D5E6F-%08d", find = { body = DIRECT,
    entry = '{"code":"<id>","status":"PENDING"}' } },
  revicom = { id = "%08x-0000-4000-8000-000000000000", find = { body = DIRECT,
    entry = '{"messageUuid":"<id>","status":"sending"}' } },
}

-- What is taken for the end all the same, and why.
local ALLOWED = {
  ["courier paging.more"] = "false: the end",
  ["messagemedia pagination.has_next"] = "false: the end",
  ["resend has_more"] = "false: the end",
  ["airship next_page"] = "a list that ends has none",
  ["klaviyo links"] = "the same",
  ["klaviyo links.next"] = "the same",
  ["slack response_metadata"] = "the same",
  ["slack response_metadata.next_cursor"] = "the same",
  ["telnyx_email meta"] = "the same",
  ["telnyx_email meta.page_cursor"] = "the same",
  ["twilio next_page_uri"] = "the same",
  ["onesignal notifications"] = "an empty list: after the last page",
  ["textmagic resources"] = "the same",
  ["unisender result"] = "the same",
}

local function page_of(all, operation)
  local next_page = operation.next or {}
  local count = next_page.size or 3
  local entries = {}
  for i = 1, count do
    local entry = all.find.entry
    entry = type(entry) == "table" and entry.scheduled or entry
    local form = { id = operation.finds }
    entries[i] = answers.filled(entry, form, all.id:format(i), all.settings)
      :gsub("<unix>", "1790000000"):gsub("<time>", "2026-12-01T09:00:00")
      :gsub("<mail_time>", "Tue, 01 Dec 2026 09:00:00 +0000")
  end
  local values = { entries = table.concat(entries, ","), count = tostring(count),
    total = tostring(5 * count), pages = "5", more = "true", cursor = "abc",
    next = '"' .. (all.find.next_url or "") .. '?page=2"' }
  for name, value in pairs(all.settings or {}) do
    values[name] = value
  end
  return (all.find.body:gsub("<([%l_]+)>", values):gsub("<([%l_]+)>", values))
end

describe("a contradictory page of", function()
  for _, name in ipairs(providers.names()) do
    local provider = providers.load(name)
    local all = GOOD[name] or recorded.find(name)
    local operation = provider.operations[all and all.call or "find"]

    if all and all.find and operation and operation.next then
      it(name .. " is not the end of the list", function()
        local read = answers.reader(find.paged(operation), { "" }, "json")
        local origins = { [(all.find.next_url or ""):match("^https://[^/]+") or ""] = true }
        -- "more", "end" or "none", where it is no page.
        local function kind_of(body)
          local _, verdict = read(200, body)
          local page = verdict.page
          if not page then
            return "none"
          end
          local reader = pages.new(operation.next, { origins = origins, prefix = "", path = "/",
            cursors = core.seen() })
          reader:begin()
          local more, fault = reader:after(page, 0, function() end)
          return more and "more" or fault and "none" or "end"
        end
        local body = page_of(all, operation)
        assert.message(body:sub(1, 200)).equal("more", kind_of(body))
        local found = {}
        local function try(spoilt, about, value)
          local key = ("%s %s"):format(name, about)
          if kind_of(spoilt) == "end" and not ALLOWED[key] then
            found[#found + 1] = key .. " " .. (value or "")
          end
        end
        for _, place in ipairs(places.of(body)) do
          if not place.path:find("[", 1, true) then
            local before, after = body:sub(1, place.from - 1), body:sub(place.to + 1)
            for _, value in ipairs(VALUES) do
              try(before .. value .. after, place.path, value)
            end
            if place.name_from then
              try(body:sub(1, place.name_from - 1) .. '"zzz":0' .. after, place.path, "removed")
              try(body:sub(1, place.name_from - 1) .. body:sub(place.name_from, place.from - 1)
                .. "null," .. body:sub(place.name_from), place.path, "twice")
            end
          end
        end
        local rest = body:match("^{(.*)$")
        for _, beside in ipairs(rest and BESIDE or {}) do
          try("{" .. beside .. "," .. rest, beside)
        end
        assert.same({}, found)
      end)
    end
  end
end)
