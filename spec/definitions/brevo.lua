return {
  name = "brevo",
  about = "Brevo: deletes a scheduled e-mail, or a batch of them",
  docs = "https://developers.brevo.com/reference/delete-scheduled-email-by-id.md",
  url = "https://api.brevo.com/v3",
  headers = { ["api-key"] = "{token}" },
  id = { pattern = "^[%x%-<][\33-\126]+$", max = 300,
    about = "a message id in angle brackets, or a batch's UUID" },
  error = { code = "code", text = "message", form = "string" },
  stop = {
    request = "DELETE /smtp/email/{id}",
    [204] = "stopped",
    [400] = "not_stoppable",
    refused = { document_not_found = "not_found", unauthorized = "credentials",
      permission_denied = "denied" },
  },
}
