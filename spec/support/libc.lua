-- The C library of this process, where what is tested is what it says or how it is built.

local libc = {}

local maps = io.open("/proc/self/maps")
libc.is_musl = maps ~= nil and maps:read("*a"):find("ld-musl", 1, true) ~= nil
if maps then
  maps:close()
end

return libc
