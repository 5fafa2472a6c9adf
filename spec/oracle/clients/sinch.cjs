"use strict";

module.exports = ({ base, token, settings, id }, { modules, said, refused }) => {
  const { SinchClient } = modules("@sinch/sdk-core");
  const client = new SinchClient({
    servicePlanId: settings.plan, apiToken: token, smsRegion: settings.region || "us",
    smsHostname: base,
  });
  return client.sms.batches.cancel({ batch_id: id }).then(
    (batch) => said(batch.canceled === true ? "accepted" : "not_stoppable", batch.canceled),
    (error) => refused(error.statusCode, { 404: "not_found" }[error.statusCode],
      [error.constructor.name, error.message]),
  );
};
