-- What proxies, login pages, firewalls, gateways and other APIs answer, for specs of all providers.

local BOM = "\239\187\191"

local UUID = "2a28d557-22a1-4be6-8908-1481723043dd"
local HEX = "a55b8f8d56f33440e993aa614c68bf8b"

local function page(title, text)
  return ("<!DOCTYPE html>\r\n<html><head><title>%s</title></head><body><h1>%s</h1><p>%s</p></body>"
    .. "</html>"):format(title, title, text)
end

return {
  -- Pages.
  page("Login", '<form action="/login"><input name="code" value="006"></form>'),
  page("Welcome to Hotel WiFi", 'Accept the terms. <a href="/go?stopped=true">Go on</a>'),
  page("403 Forbidden", "Request blocked. Reference 4031.200.006"),
  page("404 Not Found", "nginx/1.22.1"),
  page("Access denied", "Error 1020. Ray ID: 4030"),
  page("502 Bad Gateway", "The server returned an invalid response."),
  '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head/><body>006</body></html>',
  "<html", "<", "<>", "OK", "stopped", "PONG", "true stop", "Service temporarily unavailable",
  "404 page not found\n", "Not Found", "Forbidden", "no healthy upstream",
  "upstream connect error or disconnect/reset before headers", "\0", "\0\0\0\0", "\255\254",
  "\31\139\8\0\0\0\0\0\0\3", ("x"):rep(5000), BOM, BOM .. BOM, "code=4031&msg=x", "006", "200",
  -- Gateways.
  '{"code":404,"message":"Not Found"}', '{"code":403,"message":"Forbidden"}',
  '{"code":400,"message":"Bad Request"}', '{"code":200,"message":"OK"}',
  '{"code":"404","message":"Not Found"}', '{"code":4031,"message":"Inappropriate status"}',
  '{"code":4040,"msg":"not found"}', '{"code":null,"message":null}',
  '{"message":"Forbidden"}', '{"message":"Missing Authentication Token"}', '{"message":null}',
  '{"message":"no Route matched with those values"}', '{"Message":"User is not authorized"}',
  '{"status":404,"error":"Not Found","path":"/api/v1/message/stop"}',
  '{"timestamp":1,"status":403,"error":"Forbidden","message":"","path":"/"}',
  '{"error":"not_found"}', '{"error":"invalid_token","error_description":"x"}',
  '{"error":"Forbidden","code":403}', '{"error":true,"code":404}', '{"error":404}',
  '{"error":{"code":404,"message":"Requested entity was not found.","status":"NOT_FOUND"}}',
  '{"error":{"code":403,"message":"Permission denied.","errors":[{"reason":"forbidden"}]}}',
  '{"error":{"code":400,"message":"Invalid value","status":"INVALID_ARGUMENT"}}',
  '{"error":{"code":"ResourceNotFound","message":"no such resource"}}',
  '{"error":{"code":"AuthorizationFailed","message":"no"}}',
  '{"error":{"message":"Unsupported post request","type":"OAuthException","code":100}}',
  '{"error":{"status":404,"title":"Not Found"}}', '{"error":{}}', '{"error":[]}', '{"error":""}',
  '{"errors":["x"]}', '{"errors":[]}', '{"errors":{}}', '{"errors":null}', '{"errors":true}',
  '{"errors":[{"code":"404","title":"Not Found"}]}', '{"errors":[{"code":4031,"message":"x"}]}',
  '{"errors":{"code":4040}}', '{"errorCode":4031,"errorMessage":"x"}', '{"error_code":4040}',
  '{"fault":{"faultstring":"Invalid ApiKey","detail":{"errorcode":"oauth.v2.InvalidApiKey"}}}',
  '{"type":"about:blank","title":"Not Found","status":404,"detail":"x"}',
  '{"statusCode":404,"error":"Not Found","message":"Cannot POST /"}',
  '{"status_code":210,"status_message":"Cannot parse"}', '{"status_code":200}',
  '{"status":"error","code":4031}', '{"detail":"Not found."}', '{"reason":"not found"}',
  '{"ok":false,"error":"invalid_auth"}', '{"code":20404,"message":"x","status":404}',
  -- Errors of the four, one level off or of another type.
  '{"error":{"error":{"code":4031,"msg":"x"}}}', '{"error":[{"code":4031,"msg":"x"}]}',
  '{"error":{"code":{"code":4031}}}', '{"error":{"code":[4031]}}', '{"error":{"code":"4031"}}',
  '{"error":{"code":"4040"}}', '{"error":{"code":"4030"}}', '{"error":{"code":4031.5}}',
  '{"error":{"code":-4031}}', '{"error":{"code":40.31}}', '{"error":{"code":true}}',
  '{"error":{"code":null,"msg":"x"}}', '{"error":{"msg":"Dispatch 10000000125 not found"}}',
  '{"Error":{"Code":4031}}', '{"ERROR":{"CODE":4040}}', '{"data":{"error":{"code":4031}}}',
  '[{"error":{"code":4031,"msg":"x"}}]', '{"error":{"code":1e400}}', '{"error":{"code":4031',
  '{"code":[5]}', '{"code":{"code":5}}', '{"code":5.5}', '{"code":-5}', '{"code":17}',
  '{"code":"5","message":"message not found"}', '{"code":true}', '[{"code":5,"message":"x"}]',
  '{"error":{"code":103}}', '{"error":{"code":"1"}}', '{"error":{"code":"10"}}',
  '{"error":{"code":"1030"}}', '{"error":{"code":" 103"}}', '{"error":"103"}',
  '{"data":{"error":"103"}}', '{"data":{"message":[]}}', '{"data":{"message":[{"error":"x"}]}}',
  '{"data":{"message":[{"error":{"code":105}}]}}', '[{"error":{"code":"103"}}]',
  "<error><code>103</code></error>", "<response><code>103</code></response>",
  "<response><error>103</error></response>", "<response><error><code>1</code></error></response>",
  "<response><error><code/></error></response>", "<response/>", "<response></response>",
  "<Response><Error><Code>103</Code></Error></Response>",
  "<response><error><code>103</code></error>", "<response><data/></response>",
  "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
  '<soap:Envelope xmlns:soap="x"><soap:Body><soap:Fault><faultcode>006</faultcode></soap:Fault>'
    .. "</soap:Body></soap:Envelope>",
  '<!DOCTYPE r [<!ENTITY c "103">]><response><error><code>&c;</code></error></response>',
  -- Other APIs' successes.
  '{"status":"ok"}', '{"ok":true}', '{"success":true}', '{"result":"success"}', '{"result":{}}',
  '{"stopped":true}', '{"canceled":true}', '{"status":"canceled"}', '{"status":"stopped"}',
  '{"id":"' .. UUID .. '","status":"canceled"}', '{"sid":"SM1","status":"canceled"}',
  '{"data":{}}', '{"data":null}', '{"data":{"messageStatus":"006"}}', '{"messageStatus":"006"}',
  '{"data":{"messageStatus":"006","apiMessageId":"' .. ("f"):rep(32) .. '"}}',
  '{"data":{"messageStatus":6,"apiMessageId":"' .. HEX .. '"}}',
  '{"data":[{"messageStatus":"006","apiMessageId":"' .. HEX .. '"}]}',
  '[{"data":{"messageStatus":"006","apiMessageId":"' .. HEX .. '"}}]',
  "<data><messageStatus>006</messageStatus><apiMessageId>" .. HEX .. "</apiMessageId></data>",
  "<html><data><messageStatus>006</messageStatus><apiMessageId>" .. HEX .. "</apiMessageId></data>"
    .. "</html>",
  '{"items":{"messageUuid":"' .. UUID .. '","code":200}}', '{"items":"' .. UUID .. '"}',
  '{"items":null}', '{"items":200}', '{"messages":[{"messageUuid":"' .. UUID .. '","code":200}]}',
  '[{"messageUuid":"' .. UUID .. '","code":200}]', '{"Items":[{"messageUuid":"' .. UUID
    .. '","code":200}]}', '{"items":[{"messageUuid":"' .. UUID .. '","code":200}]',
  '{"items":[["' .. UUID .. '",200]]}',
  '{"USD":"1200"}', '{"usd":1200}', '{"USD":null}', '{"USD":1,"error":{"code":4010}}',
  '{"balance":1200}', '{"USD":{"amount":1}}', '{"USD":1,"eur":2}', '[1200]', '["USD",1200]',
  -- Words of many APIs, and errors of addresses in a provider's own form.
  '{"status":"error","message":"x"}', '{"status":"processed"}', '{"status":"queued"}',
  '{"result":{"status":"completed"}}', '{"status":"fail","data":{"title":"x"}}',
  '{"errcode":"M_UNRECOGNIZED","error":"Unrecognized request"}',
  '{"errorCode":"E404","description":"x"}', '{"success":false,"code":5}',
  '{"code":"bad_request"}', '{"code":"forbidden","error":"x"}', '{"name":"not_found"}',
  '{"type":"not_found_error","error":"x"}',
  '{"statusCode":404,"timestamp":"t","path":"/v1/x","message":"Cannot DELETE /v1/x"}',
  -- Scalars, lists, and no JSON.
  "null", "true", "false", "0", "5", "4031", "-1", "1e5", '""', '"OK"', '"006"', '"{}"', "[]",
  "[[]]", "[{}]", "[null]", "[200]", "{", "}", "{}{}", "{}[]", "{},", "{:}", '{"a"}', "{a:1}",
  "'{}'",
  '{"":""}', '{"{}":1}', ("["):rep(2000), ('{"a":'):rep(2000), "NaN", "undefined", "nil",
  "{\0}", "{}\0", " {}x", "//{}", "/**/{}",
  -- In another encoding.
  "{\0}\0", "\0{\0}", "\255\254{\0}\0", '\255\254{\0"\0c\0o\0d\0e\0"\0:\0005\0}\0',
}
