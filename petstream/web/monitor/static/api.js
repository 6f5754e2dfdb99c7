// Calls to the monitor's own server. An answer that is no success becomes a CallError.

export class CallError extends Error {
  constructor(status, code, message, retryAfterMs) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

// Resolves to the JSON of the answer. Rejects with CallError; its status is 0 when nobody answered.
export async function call(path, { method = "GET", body, timeoutMs = 5000 } = {}) {
  const options = { method, cache: "no-store", signal: AbortSignal.timeout(timeoutMs) };
  if (body !== undefined) {
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  let response;
  let answer;
  try {
    response = await fetch(path, options);
    answer = await response.json();
  } catch {
    throw new CallError(response?.status ?? 0, "unreachable", "the monitor does not answer", null);
  }
  if (!response.ok) {
    const seconds = Number(response.headers.get("Retry-After"));
    const retryAfterMs = seconds > 0 ? seconds * 1000 : null;
    throw new CallError(response.status, answer.error, answer.message ?? "", retryAfterMs);
  }
  return answer;
}
