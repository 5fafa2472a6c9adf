-- The codes of the first `count` ids of an answer that the core read, as a list.
return function(items, count)
  local codes, first = {}, 1
  while first <= count do
    local code, alike = items:run(first, count - first + 1)
    assert(alike >= 1 and alike <= count - first + 1)
    for i = first, first + alike - 1 do
      codes[i] = code
    end
    first = first + alike
  end
  return codes
end
