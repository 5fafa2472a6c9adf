-- The name of a Python for specs. `make test` asks once for the program itself: `python3` may be a
-- script that looks for it, ten times as long as Python takes to start. Nor does that one look for
-- packages: specs use none.
local named = os.getenv("SPEC_PYTHON") or ""

return named ~= "" and named or "python3"
