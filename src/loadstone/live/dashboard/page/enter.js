"use strict";
// The token comes behind the `#`, which no browser sends and no log keeps, and is traded for a cookie.
(() => {
  const answer = document.getElementById("answer");
  const enter = async (token) => {
    const response = await fetch("/session", {
      method: "POST", headers: { "X-Loadstone": "1", "Content-Type": "application/json" }, body: JSON.stringify({ token }),
    });
    if (response.ok) { location.replace(location.pathname + location.search); } else { answer.textContent = "That is not the token."; }
  };
  document.getElementById("enter").addEventListener("submit", (event) => {
    event.preventDefault();
    enter(document.getElementById("token").value.trim());
  });
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) { history.replaceState(null, "", location.pathname + location.search); enter(given); }
})();
