-- The C library of this process, where what is tested is what it says or how it is built.

local libc = {}

local maps = io.open("/proc/self/maps")
local text = maps and maps:read("*a") or ""
if maps then
  maps:close()
end

libc.is_musl = text:find("ld-musl", 1, true) ~= nil or text:find("-musl/libc.so", 1, true) ~= nil

return libc
