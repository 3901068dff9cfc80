/* The demo's page: what the server tells becomes a state, which is drawn at most once a frame. */
import { foreign, h } from "../dom";
import { themeSwitch } from "../theme";
import { Campaign } from "./campaign";
import { Client } from "./client";
import { Controls } from "./controls";
import { CountsPanel } from "./counts";
import { ExplainPanel } from "./explain";
import { headlineOf, scoreOf } from "./headline";
import { agentName, Inbox } from "./inbox";
import { LivePanel } from "./live";
import { Phone } from "./phone";
import type { Moment, State } from "./protocol";
import { faultOfLink, type Missing, missingOf, parseFragment, Share, type Wanted } from "./share";
import { apply, isOver, type Known, type Trouble, troubleOf } from "./state";
import { StepsPanel } from "./steps";

const fromEdge = 8; /* pixels between what is scrolled to and the window's edge */
const noticeFor_ms = 6000;
const noticeAtLeast_ms = 1500; /* to be read, also where what it complains of is over at once */
const whyMost = 120; /* characters */

/* The server's clock, as near as the events tell: the quickest of them were under way for the shortest time. */
class Clock {
  private behind_ns = Infinity;

  heard(now_ns: number, anew: boolean): void {
    const behind_ns = performance.now() * 1e6 - now_ns;
    this.behind_ns = anew ? behind_ns : Math.min(this.behind_ns, behind_ns);
  }

  now_ns(): number {
    return performance.now() * 1e6 - this.behind_ns;
  }
}

function databaseTrouble(state: State): string | null {
  if (state.setting.database !== "away") return null;
  const why = (state.setting.why ?? "").split("\n")[0]!.replace(/[.:\s]+$/, "");
  const more = why === "" || why.length > whyMost || /^the database\b/i.test(why) ? "" : ` (${why})`;
  return `The database is away${more}; the page goes on when it is back.`;
}

class Page {
  private state: Known | null = null;
  private connection: string | null = null;
  private wanted: Wanted | null = parseFragment(location.hash);
  private asked = false; /* for its strategy */
  private frame = 0;
  private below: number | undefined;
  private wantsCampaign = false;
  private noticeEnds: number | undefined;
  private noticed: { trouble: Trouble; at_ms: number } | null = null; /* the notice that is shown */
  private lossIsRead = false; /* of the database, as far as it was told */
  private inboxes: Inbox[] = [];
  private readonly clock = new Clock();
  private readonly client = new Client({
    event: (name, data) => this.onEvent(name, data),
    connection: (trouble) => {
      this.connection = trouble;
      this.draw();
    },
    refused: (sentence) => {
      this.wantsCampaign = false;
      if (this.asked) this.wanted = null; /* else the rest would follow a strategy that somebody chooses later */
      this.notice(sentence, this.state && troubleOf(this.state));
    },
  });
  private readonly banner = h("p", { class: "banner", role: "alert", hidden: true });
  private readonly lost = h("p", { class: "note doubt lost", role: "status", hidden: true },
    h("span", {}, "What was seen before was lost with the database."),
    h("button", { type: "button", class: "copy", click: () => {
      this.lossIsRead = true;
      this.draw();
    } }, "Close"));
  private readonly headline = h("h1", { class: "headline" });
  private readonly score = h("p", { class: "score" });
  private readonly top = h("div", { class: "top" }, this.headline, this.score);
  private readonly news = h("p", { class: "unseen", "aria-live": "polite" });
  private readonly toast = h("p", { class: "toast", role: "status", hidden: true });
  private readonly server = h("span", { class: "server quiet" });
  private readonly stage = h("div", { class: "stage" });
  private readonly phone = new Phone();
  private readonly parts = {
    controls: new Controls(this.client.call, () => {
      this.wantsCampaign = true;
    }), steps: new StepsPanel(this.client.call), counts: new CountsPanel(),
    explain: new ExplainPanel(), live: new LivePanel(), campaign: new Campaign(), share: new Share(this.client),
  };

  start(main: HTMLElement, tools: HTMLElement): void {
    const { controls, steps, counts, explain, live, campaign, share } = this.parts;
    tools.append(this.server, themeSwitch(() => this.draw()));
    main.append(this.banner, this.lost, this.top, controls.element, this.stage, steps.element,
      campaign.element, h("div", { class: "below" },
        h("div", { class: "below-column" }, live.element),
        h("div", { class: "below-column" }, explain.element, counts.element, share.element)), this.news, this.toast);
    this.client.open();
  }

  private onEvent(name: string, data: unknown): void {
    const wasForgotten = this.state?.setting.forgotten ?? false;
    this.state = apply(this.state, name, data);
    if (this.state.setting.forgotten && !wasForgotten) this.lossIsRead = false;
    if (name === "state" || name === "seats") this.clock.heard((data as { now_ns: number }).now_ns, name === "state");
    if (name === "moment") this.onMoment(this.state, data as Moment);
    this.draw();
  }

  /* Read out; everybody else sees it in the inbox. */
  private onMoment(state: State, m: Moment): void {
    if (m.kind === "started") this.lossIsRead = true;
    if (m.kind === "told" && state.cast.agents.some((one) => one.agent === m.agent))
      this.news.textContent = `${agentName(state, m.agent)}: ${m.message}`;
    if (m.kind === "doubled" && m.contest) this.news.textContent = `${state.cast.key} ${m.key} has ${m.owners} owners.`;
  }

  private notice(sentence: string, trouble: Trouble = null): void {
    this.toast.replaceChildren(foreign(sentence));
    this.toast.hidden = false;
    this.noticed = { trouble, at_ms: performance.now() };
    this.endNotice(noticeFor_ms);
  }

  private endNotice(after_ms: number): void {
    clearTimeout(this.noticeEnds);
    this.noticeEnds = window.setTimeout(() => {
      this.toast.hidden = true;
      this.noticed = null;
    }, after_ms);
  }

  private checkNotice(state: Known): void {
    const { noticed } = this;
    if (!noticed || !isOver(noticed.trouble, state)) return;
    this.noticed = null;
    this.endNotice(Math.max(0, noticed.at_ms + noticeAtLeast_ms - performance.now()));
  }

  private draw(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.drawNow();
    });
  }

  private drawNow(): void {
    const state = this.state;
    const trouble = this.connection ?? (state && databaseTrouble(state));
    this.banner.hidden = !trouble;
    if (this.banner.textContent !== (trouble ?? "")) this.banner.textContent = trouble;
    if (!state) return;
    if (this.inboxes.length === 0) this.fillStage(state);
    this.server.textContent = [`pgrace ${state.version}`, state.setting.server].filter(Boolean).join(" · ");
    this.drawTop(state);
    this.checkNotice(state);
    this.lost.hidden = !state.setting.forgotten || this.lossIsRead;
    this.stage.classList.toggle("stepping", state.setting.stepping);
    this.phone.show(state);
    for (const inbox of this.inboxes) inbox.show(state);
    this.parts.controls.show(state);
    this.parts.steps.show(state);
    this.below ??= window.setTimeout(() => this.drawBelow());
    const now_ns = this.clock.now_ns();
    const goesOn = this.inboxes.map((inbox) => inbox.tick(state, now_ns));
    if (goesOn.includes(true)) this.draw();
    this.followAddress(state);
  }

  /* When the frame with what agents were told is on its way: a drawing takes longer than anybody should wait for that. */
  private drawBelow(): void {
    this.below = undefined;
    const state = this.state!;
    const { campaign, counts, explain, live, share } = this.parts;
    for (const part of [campaign, counts, explain, live, share]) part.show(state);
    this.showCampaign(state);
  }

  /* Where it can be seen, once its first conversations are drawn; not so far that what is on top leaves the window. */
  private showCampaign(state: State): void {
    if (!this.wantsCampaign || state.seats.crowd_busy === 0) return;
    this.wantsCampaign = false;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const below = this.parts.campaign.element.getBoundingClientRect().bottom + fromEdge - innerHeight;
    const top = Math.min(below, this.top.getBoundingClientRect().top - fromEdge);
    if (top > 0) scrollBy({ top, behavior: calm ? "auto" : "smooth" });
  }

  private drawTop(state: Known): void {
    const { text, wrong } = headlineOf(state);
    if (this.headline.textContent !== text) this.headline.replaceChildren(foreign(text));
    this.headline.classList.toggle("wrong", wrong);
    const { number, word, some } = scoreOf(state);
    if (this.score.textContent !== number + word) this.score.replaceChildren(h("b", {}, number), word);
    this.score.classList.toggle("some", some);
  }

  private fillStage(state: State): void {
    this.inboxes = state.cast.agents.map((one) => new Inbox(one.agent, one.name, this.client.call));
    const [first, ...others] = this.inboxes.map((inbox) => inbox.element);
    this.stage.append(...(first ? [first] : []), this.phone.element, ...others);
  }

  /* What the address asked for, once it can be had; then the address is plain again, so that a reload changes nothing. */
  private followAddress(state: Known): void {
    const { wanted } = this;
    if (!wanted || state.setting.database !== "ready") return;
    const missing = missingOf(wanted, state);
    if (missing.strategy !== null) {
      if (!this.asked) void this.client.call("/strategy", { strategy: missing.strategy });
      this.asked = true;
      return; /* the rest once its database is ready */
    }
    this.wanted = null;
    const fault = faultOfLink(wanted, state);
    if (fault) this.notice(fault);
    history.replaceState(null, "", location.pathname);
    void this.followRest(missing);
  }

  private async followRest({ gap_ns, stepping, order }: Missing): Promise<void> {
    if (gap_ns !== null) await this.client.call("/gap", { gap_ns });
    if (order !== null) await this.client.call("/play", { order });
    else if (stepping !== null) await this.client.call("/stepping", { stepping });
  }
}

new Page().start(document.querySelector("main") as HTMLElement, document.querySelector("#tools") as HTMLElement);
