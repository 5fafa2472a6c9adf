-- The only one that needs a function: each request is signed with its time.
return function(sign)
  return {
    name = "sens",
    about = "Naver Cloud SENS: deletes a reservation",
    docs = "https://api.ncloud-docs.com/docs/ja/sens-sms-reservation-delete",
    url = "https://sens.apigw.ntruss.com/sms/v2/services/{service}",
    settings = { service = { about = "the service's id" } },
    headers = { ["x-ncp-iam-access-key"] = "{token}" },
    id = "text",
    error = { code = "errorCode", text = "errorMessage", form = "string" },
    bare = { 404 },
    sign = sign,
    stop = {
      request = "DELETE /reservations/{id}",
      [204] = "stopped",
      [404] = "not_found",
    },
  }
end
