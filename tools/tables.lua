-- Tables of a page that are made, not typed: each stands between lines like
-- <!-- table: options --> and <!-- end -->.

local files = require("spec.support.files")

local tables = {}

function tables.row(cells)
  return "| " .. table.concat(cells, " | ") .. " |"
end

-- text = tables.fill(page, makers): the page with each table as makers[name]() gives it, a list of
-- lines.
function tables.fill(page, makers)
  return (files.read(page):gsub("(<!%-%- table: (%l+) %-%->\n).-(<!%-%- end %-%->\n)",
    function(first, name, last)
      return first .. table.concat(assert(makers[name], name)(), "\n") .. "\n" .. last
    end))
end

return tables
