-- Answers of the provider. Those to batches are kept: writing them anew would take more of the
-- machine than reading them.

local provider = {}

local kept = {}

-- Revicom: every uuid was stopped. A batch is known by its first uuid and its length.
function provider.batch()
  ngx.req.read_body()
  local body = ngx.req.get_body_data()
  local key = body:sub(1, 48) .. #body
  local answer = kept[key]
  if not answer then
    local items = {}
    for uuid in body:gmatch('"([%x%-]+)"[,%]]') do
      items[#items + 1] = '{"messageUuid":"' .. uuid .. '","code":200}'
    end
    answer = '{"errors":false,"items":[' .. table.concat(items, ",") .. "]}"
    kept[key] = answer
  end
  ngx.header.content_type = "application/json"
  ngx.header.content_length = #answer
  ngx.print(answer)
end

-- Clickatell, 50 ms away.
function provider.one()
  ngx.sleep(0.05)
  ngx.header.content_type = "application/json"
  ngx.print('{"data":{"messageStatus":"006","apiMessageId":"', ngx.var.uri:match("[^/]*$"), '"}}')
end

return provider
