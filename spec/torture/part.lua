-- One part of the core, for system.lua to spoil: its text, between two lines of its own.
--
--   lua5.4 spec/torture/part.lua NAME URL ITEMS_URL PATH

local parts = require("spec.torture.parts")

local done, result = pcall(parts[arg[1]], { url = arg[2], items_url = arg[3], path = arg[4] })
print("begin")
print(done and result or "raised " .. tostring(result))
print("end")
