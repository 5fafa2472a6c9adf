"use strict";

module.exports = ({ base, token, id }, { modules, said, refused }) => {
  const { SMSAPI } = modules("smsapi");
  // The client returns an error of the API where others throw it.
  return new SMSAPI(token, base).sms.removeScheduledSms(id).then(
    (answer) => answer.error
      ? refused(200, { 301: "gone_or_sent", 101: "denied" }[answer.error], answer.message)
      : said(answer.list.some((one) => String(one.id) === id) ? "stopped" : "gone_or_sent",
        answer.count),
    (error) => refused(error.status, undefined, [error.name, error.responseBody]),
  );
};
