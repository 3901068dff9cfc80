/* A browser's part towards pgrace demo, without a browser: a link traded for a session, calls, the stream of events. */
import assert from "node:assert/strict";
import http from "node:http";
import net from "node:net";
import { checkAnswer, checkEvent } from "./demo_shapes.mjs";

const PATIENCE_MS = 60_000; /* until a test that waits in vain says for what; nothing is measured by it */

export class Demo {
  constructor(link) {
    const url = new URL(link);
    this.link = link;
    this.host = url.hostname;
    this.port = Number(url.port);
    this.origin = url.origin;
    this.headers = {};
  }

  /* {status, headers, text}; rejects when the connection ends without an answer. */
  request(method, path, { headers = {}, body } = {}) {
    return new Promise((resolve, reject) => {
      const asked = http.request({ host: this.host, port: this.port, method, path, headers: { ...this.headers, ...headers }, agent: false },
        (answer) => {
          const chunks = [];
          answer.on("data", (chunk) => chunks.push(chunk));
          answer.on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, text: Buffer.concat(chunks).toString() }));
          answer.on("error", reject);
        });
      asked.on("error", reject);
      asked.end(body);
    });
  }

  get(path, headers) { return this.request("GET", path, { headers }); }

  /* Trades the link for a session. */
  async enter() {
    const url = new URL(this.link);
    const traded = await this.get(url.pathname + url.search);
    assert.equal(traded.status, 303, "the link is traded");
    assert.equal(traded.headers.location, "/");
    const [cookie, ...attributes] = traded.headers["set-cookie"][0].split("; ");
    assert.deepEqual(attributes.filter((a) => a !== "Path=/").sort(), ["HttpOnly", "SameSite=Strict"]);
    this.headers = { Cookie: cookie };
    return this;
  }

  /* A call as the page makes it; the token is the one that a viewer of this session was told. */
  once(path, body, headers = {}) {
    return this.request("POST", path, {
      headers: { "Content-Type": "application/json", "X-Pgrace-Token": this.token, Origin: this.origin, ...headers },
      body: typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body),
    });
  }

  /* Again, when there were too many in a second. */
  async call(path, body, headers) {
    for (;;) {
      const answer = await this.once(path, body, headers);
      if (answer.status !== 429) return answer;
      await new Promise((resolve) => { setTimeout(resolve, 1000 * Number(answer.headers["retry-after"])); });
    }
  }

  async does(path, body) {
    const answer = await this.call(path, body);
    assert.equal(answer.status, 204, `${path} ${JSON.stringify(body)}: ${answer.text}`);
    assert.equal(answer.text, "");
  }

  /* The sentence of a call that is refused with this status. */
  async refuses(status, path, body) {
    const answer = await this.call(path, body);
    assert.equal(answer.status, status, `${path} ${JSON.stringify(body)}: ${answer.text}`);
    const data = JSON.parse(answer.text);
    checkAnswer(data);
    return data.error;
  }

  /* Resolves to one who has been told the state, or goes on where lastId says. */
  async watch(lastId, checks = true) {
    const viewer = new Viewer(this, checks);
    await viewer.open(lastId);
    return viewer;
  }

  /* Bytes on a connection of their own; all that came back until the server closed it, or nothing came for a while
   * after something had. */
  raw(bytes) {
    return new Promise((resolve) => {
      const socket = net.connect(this.port, this.host);
      let got = "", timer;
      const end = () => {
        clearTimeout(timer);
        socket.destroy();
        resolve(got);
      };
      const patience = (ms) => {
        clearTimeout(timer);
        timer = setTimeout(end, ms);
      };
      socket.on("data", (chunk) => {
        got += chunk.toString("latin1");
        patience(300);
      });
      socket.on("error", () => {});
      socket.on("close", end);
      socket.write(bytes);
      patience(5_000);
    });
  }
}

/* Everything it was told, in order: {id, name, data}; id counts up, lastId is what a browser says when it comes back. */
export class Viewer {
  /* checks: each event against the declared shapes. */
  constructor(demo, checks) {
    this.demo = demo;
    this.checks = checks;
    this.events = [];
    this.waiting = [];
    this.rest = "";
    this.ended = new Promise((resolve) => { this.end = resolve; });
  }

  open(lastId) {
    const headers = { ...this.demo.headers, Accept: "text/event-stream" };
    if (lastId !== undefined) headers["Last-Event-ID"] = lastId;
    return new Promise((resolve, reject) => {
      this.asked = http.request({ host: this.demo.host, port: this.demo.port, path: "/events", headers, agent: false }, (answer) => {
        if (answer.statusCode !== 200) {
          answer.resume();
          reject(new Error(`the stream: ${answer.statusCode}`));
          return;
        }
        assert.match(answer.headers["content-type"], /^text\/event-stream/);
        answer.setEncoding("utf8");
        answer.on("data", (text) => this.take(text));
        answer.on("close", () => this.end());
        answer.on("error", () => this.end());
        resolve(lastId === undefined ? this.until("the state", (e) => e.name === "state") : undefined);
      });
      this.asked.on("error", (error) => {
        reject(error);
        this.end();
      });
      this.asked.end();
    });
  }

  close() { this.asked.destroy(); }

  take(text) {
    const blocks = (this.rest + text).split("\n\n");
    this.rest = blocks.pop();
    for (const block of blocks) {
      const event = { data: "" };
      for (const line of block.split("\n")) {
        const [, field, value] = /^([a-z]*): ?(.*)$/.exec(line) ?? [];
        if (field === "event") event.name = value;
        else if (field === "data") event.data += value;
        else if (field === "id") {
          event.lastId = value; /* "run-number" */
          event.id = Number(value.split("-")[1]);
        }
      }
      if (event.name) this.add(event);
    }
  }

  add(event) {
    event.data = JSON.parse(event.data);
    if (this.checks) checkEvent(event.name, event.data);
    if (event.name === "state") this.demo.token = event.data.token;
    this.events.push(event);
    this.waiting = this.waiting.filter((wake) => !wake());
  }

  /* The first event from index `from` on that is so; it may have come already. */
  until(what, so, from = 0) {
    return new Promise((resolve, reject) => {
      let at = from;
      const timer = setTimeout(() => {
        const last = this.events.slice(-12).map((e) => `${e.name} ${JSON.stringify(e.data).slice(0, 300)}`).join("\n");
        reject(new Error(`waited in vain for ${what}; the last of ${this.events.length} events:\n${last}`));
      }, PATIENCE_MS);
      const look = () => {
        for (; at < this.events.length; at++)
          if (so(this.events[at])) {
            clearTimeout(timer);
            resolve(this.events[at]);
            return true;
          }
        return false;
      };
      if (!look()) this.waiting.push(look);
    });
  }

  get mark() { return this.events.length; }
  since(mark, name) { return this.events.slice(mark).filter((e) => e.name === name).map((e) => e.data); }
  moments(mark, kind) { return this.since(mark, "moment").filter((m) => m.kind === kind); }
  get state() { return this.events.find((e) => e.name === "state").data; }

  /* Until the database is ready and conversations are there: their keys. */
  async inbox(strategy, from = 0) {
    const settingOf = (e) => (e.name === "state" ? e.data.setting : e.name === "setting" ? e.data : undefined);
    const ready = await this.until(`${strategy} to be ready`, (e) => {
      const setting = settingOf(e);
      return setting?.database === "ready" && setting.strategy === strategy;
    }, from);
    const at = this.events.indexOf(ready);
    if (ready.name === "state" && ready.data.conversations.length) return ready.data.conversations.map((c) => c.key);
    const arrived = await this.until("conversations", (e) => e.name === "arrived", at);
    return arrived.data.map((c) => c.key);
  }

  told(what, mark, so) { return this.until(what, (e) => e.name === "moment" && e.data.kind === "told" && so(e.data), mark); }

  /* As far as it knows, neither seat is at anything. */
  get rests() {
    const at = this.events.findLastIndex((e) => e.name === "seats" || e.name === "state");
    const { seats } = this.events[at].name === "state" ? this.events[at].data.seats : this.events[at].data;
    return seats.every((s) => s.busy === null) && !this.events.slice(at).some((e) => e.data.kind === "started");
  }
  atRest() { return this.until("seats at rest", () => this.rests, this.mark - 1); }
}
