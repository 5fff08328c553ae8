// The studio's API: requests whose errors are sentences, and one stream of events.
export async function call(method, path, body) {
  const options = { method, headers: {} };
  if (body instanceof FormData) options.body = body;
  else if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["content-type"] = "application/json";
  }
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("The studio does not respond; check whether it is still running.");
  }
  if (answer.status === 204) return null;
  const value = await answer.json().catch(() => ({ error: `The studio answered with ${answer.status}.` }));
  if (!answer.ok) throw new Error(value.error);
  return value;
}

export function upload(file, purpose) {
  const form = new FormData();
  form.append("file", file, file.name);
  return call("POST", `/api/files?for=${purpose}`, form);
}

// Calls `handlers[name](data)` for every event, and `handlers.again()` after a reconnection.
export function follow(after, handlers) {
  let last = after;
  let lost = false;
  let source;
  const open = () => {
    source = new EventSource(`/api/events?after=${last}`);
    for (const name of ["job", "take", "piece", "deleted"]) {
      source.addEventListener(name, (event) => {
        last = Number(event.lastEventId);
        handlers[name]?.(JSON.parse(event.data));
      });
    }
    source.addEventListener("open", () => {
      if (lost) handlers.again();
      lost = false;
    });
    source.addEventListener("error", () => {
      lost = true;
      if (source.readyState !== EventSource.CLOSED) return;
      setTimeout(open, 2000);
    });
  };
  open();
  addEventListener("pagehide", () => source.close());
}
