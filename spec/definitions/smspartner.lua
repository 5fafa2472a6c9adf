return {
  name = "smspartner",
  about = "SMS Partner: cancels an SMS",
  docs = "https://docpartner.dev/en/annuler-lenvoi-dun-sms/",
  url = "https://api.smspartner.fr/v1",
  id = "digits",
  stop = {
    request = "GET /message-cancel?apiKey={token}&messageId={id}&_format=json",
    [200] = { code = "code", text = "message", means = { [200] = "stopped", [1] = "credentials",
      [10] = "credentials", [3] = "failed", [4] = "not_found", [5] = "stopped", [6] = "too_late",
      [7] = "too_late" } },
  },
}
