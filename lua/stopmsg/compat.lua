-- What differs between Lua 5.1 and 5.4. The only file that may name it.

return {
  -- Both nil where every number is a float.
  math_type = math.type,
  tointeger = math.tointeger,
}
