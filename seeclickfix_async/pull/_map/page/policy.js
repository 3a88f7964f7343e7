"use strict";
// Until the streets are switched on, the browser itself refuses every contact: a policy can be
// tightened by a script, and never loosened. The choice is kept in this entry of the history, so
// that neither a link nor a copy of the file switches them on.
const streetsAreOn = Boolean(history.state?.streets);
if (!streetsAreOn) {
  const policy = document.createElement("meta");
  policy.httpEquiv = "Content-Security-Policy";
  policy.content = "img-src data:";
  document.head.append(policy);
}
