/* What connects the page with pgrace: the stream of events, which comes back by itself, and calls. */

/* A refusal is shown in its own words; nothing is thrown. */
export type Call = (path: string, body: unknown) => Promise<void>;

export interface Listener {
  event(name: string, data: unknown): void; /* "state" comes first, and again after a loss */
  connection(trouble: string | null): void; /* what is wrong and what to do; null: it stands */
  refused(sentence: string): void; /* why a call was refused */
}

const names = ["state", "moment", "seats", "arrived", "counts", "setting", "explained"];
const againAfter_ms = 3000;
const lossAfter_ms = 800; /* shorter gaps are not worth a word */
const answerWithin_ms = 15000;

const gone = "pgrace does not answer. If it was ended, start pgrace demo again and open the address that it prints.";
const expired = "This page's session is over. Open the address that pgrace prints now in its terminal.";
const crowded = "Too many people watch already. The page goes on when somebody leaves.";

export class Client {
  private token = "";
  private stream: EventSource | null = null;
  private loss: number | undefined;

  constructor(private readonly listener: Listener) {}

  open(): void {
    const stream = new EventSource("/events");
    this.stream = stream;
    let known = false;
    for (const name of names)
      stream.addEventListener(name, (event: MessageEvent<string>) => {
        const data: unknown = JSON.parse(event.data);
        if (name === "state") {
          known = true;
          this.token = (data as { token: string }).token;
        }
        if (known) this.listener.event(name, data);
      });
    stream.addEventListener("open", () => this.stands());
    stream.addEventListener("error", () => {
      if (stream.readyState === EventSource.CLOSED) void this.findOut(stream);
      else this.loss ??= window.setTimeout(() => this.listener.connection(gone), lossAfter_ms);
    });
  }

  readonly call: Call = async (path, body) => {
    await this.ask(path, body);
  };

  /* The answer; null: it was refused, or has no content. */
  async ask(path: string, body: unknown): Promise<unknown> {
    try {
      const response = await fetch(path, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-Pgrace-Token": this.token },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(answerWithin_ms),
      });
      const text = await response.text();
      if (response.ok) return text === "" ? null : JSON.parse(text) as unknown;
      this.listener.refused(sentenceOf(response.status, text));
    } catch {
      this.listener.refused(gone);
    }
    return null;
  }

  private stands(): void {
    clearTimeout(this.loss);
    this.loss = undefined;
    this.listener.connection(null);
  }

  /* The browser has given up, and does not say why: a request tells. */
  private async findOut(stream: EventSource): Promise<void> {
    if (this.stream !== stream) return;
    clearTimeout(this.loss);
    this.loss = undefined;
    const stop = new AbortController();
    let status = 0;
    try {
      status = (await fetch("/events", { signal: stop.signal })).status;
    } catch { /* it does not answer */ }
    stop.abort();
    if (status === 403) {
      this.listener.connection(expired);
      return; /* trying again cannot help */
    }
    if (status !== 200) this.listener.connection(status === 503 ? crowded : gone);
    setTimeout(() => this.open(), status === 200 ? lossAfter_ms : againAfter_ms);
  }
}

function sentenceOf(status: number, text: string): string {
  try {
    const { error } = JSON.parse(text) as { error?: unknown };
    if (typeof error === "string" && error !== "") return error;
  } catch { /* not one of pgrace's sentences */ }
  if (status === 403) return expired;
  if (status === 429) return "Too many clicks at once. Try again in a second.";
  return `pgrace refused this (${status}).`;
}
