/**
 * The journey of a new user in a real browser, against a running program:
 *   node journeys/journey.mjs URL OUTBOX SCREENSHOTS
 * From signing up to an imported portfolio, an alert that fires and a forecast, in both themes and on a phone. A violation
 * of the page's policy, an error of its scripts, a page that is wider than a phone, or what axe calls serious fails it.
 * OUTBOX is the directory that emails are written to; INVITATION, in the environment, makes the user an admin.
 */
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { historyOf, modelsOf, predictionsOf, trackRecordOf } from "./forecasts.mjs";

const [url, outbox, shots] = process.argv.slice(2);
if (shots === undefined) {
  console.error("usage: node journeys/journey.mjs URL OUTBOX SCREENSHOTS");
  process.exit(2);
}
mkdirSync(shots, { recursive: true });

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-background-networking"],
});
const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: "dark" });
const page = await context.newPage();
page.setDefaultTimeout(30_000);

const faults = [];
page.on("pageerror", (error) => faults.push(`script: ${error.message}`));
page.on("console", (message) => {
  // What the server refuses, and that it is away, is shown on the page; the browser logs it besides.
  const isExpected = /^Failed to load resource|ERR_INTERNET_DISCONNECTED/.test(message.text());
  if (message.type() === "error" && !isExpected) faults.push(`console: ${message.text()}`);
});
await page.addInitScript(() => {
  window.violations = [];
  addEventListener("securitypolicyviolation", (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
});

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** What axe finds on the page as it is now. */
async function check(name) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run({ resultTypes: ["violations"] }));
  for (const { id, impact, help, nodes } of found.violations) {
    if (impact === "serious" || impact === "critical") faults.push(`axe on ${name}: ${id}, ${help}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`);
  }
}
/** A page must not be wider than the phone that shows it. */
async function fits(name) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (wide > 0) faults.push(`${name} is ${wide} pixels wider than a phone`);
}

let step = "";
let begun = Date.now();
async function shot(name) {
  await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
  for (const violation of await page.evaluate(() => window.violations.splice(0))) faults.push(`policy on ${name}: ${violation}`);
}
async function go(name, run) {
  step = name;
  await run();
  await shot(name);
  await check(name);
  console.log(`ok ${name} ${((Date.now() - begun) / 1000).toFixed(1)} s`);
  begun = Date.now();
}

/** The newest email to an address, with its line breaks undone. */
function email(address) {
  const texts = readdirSync(outbox).map((name) => readFileSync(join(outbox, name), "utf8").replaceAll("=\r\n", "").replaceAll("=\n", ""));
  return texts.find((text) => text.includes(`To: ${address}`));
}

const who = `journey-${Date.now()}@example.org`;
const password = "a quiet river at dawn";
const csv = [
  "id,time,kind,account,sent_asset,sent_quantity,received_asset,received_quantity",
  "a,2026-06-01T10:00:00Z,buy,kraken,USD,5000,BTC,0.05",
  "b,2026-07-01T10:00:00Z,buy,kraken,USD,2000,ETH,0.75",
  "c,2026-08-01T10:00:00Z,sell,kraken,BTC,0.01,USD,1100",
].join("\n");

try {
  await go("01-market", async () => {
    await page.goto(url);
    await page.getByRole("link", { name: "Bitcoin BTC" }).waitFor();
    await page.getByText("Live").first().waitFor();
  });
  await go("02-token", async () => {
    await page.getByRole("link", { name: "Bitcoin BTC" }).click();
    await page.getByRole("img", { name: /^BTC.*candles/ }).waitFor();
    await page.getByRole("heading", { name: "Forecasts" }).waitFor();
  });
  await go("03-palette", async () => {
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox").fill("ethe");
    await page.getByRole("option", { name: /Ethereum ETH/ }).waitFor();
  });
  await go("04-sign-up", async () => {
    await page.keyboard.press("Escape");
    await page.goto(`${url}/sign-up`);
    await page.getByLabel("Email").fill(who);
    await page.getByLabel("Password").fill(password);
    if (process.env.INVITATION) await page.getByLabel(/^Invitation/).fill(process.env.INVITATION);
    await page.getByRole("button", { name: "Create the account" }).click();
    await page.getByText(/verif/i).first().waitFor();
  });
  await go("05-verified", async () => {
    let text;
    for (let tries = 0; text === undefined && tries < 100; tries++) {
      text = email(who);
      if (text === undefined) await page.waitForTimeout(100);
    }
    const link = /\/verify-email\/[\w-]+/.exec(text ?? "")?.[0];
    if (link === undefined) throw new Error("there is no email with a link");
    await page.goto(url + link);
    await page.getByText("is verified").waitFor();
  });
  await go("06-portfolios", async () => {
    await page.getByRole("link", { name: "portfolio", exact: true }).click();
    await page.getByLabel("Name").fill("Journey");
    await page.getByRole("button", { name: "Create" }).click();
    await page.getByRole("heading", { name: "Journey" }).waitFor();
  });
  await go("07-dry-run", async () => {
    await page.getByLabel(/Files of a venue/).setInputFiles({ name: "trades.csv", mimeType: "text/csv", buffer: Buffer.from(csv) });
    await page.getByText("transactions would be added").waitFor();
  });
  await go("08-portfolio", async () => {
    await page.getByRole("button", { name: "Import 3" }).click();
    await page.getByText("3 added, 0 known already").waitFor();
    await page.getByRole("link", { name: "See what it comes to" }).click();
    await page.getByRole("rowheader", { name: /bitcoin/ }).first().waitFor();
    await page.getByRole("img", { name: /Value in USD/ }).waitFor();
  });
  await go("09-explain", async () => {
    await page.getByRole("button", { name: "Explain: Value" }).click();
    await page.getByRole("dialog").getByText("holding").first().waitFor();
  });
  const tab = (name) => page.getByRole("navigation", { name: "This portfolio" }).getByRole("link", { name }).click();
  await go("09-edit-and-undo", async () => {
    await page.keyboard.press("Escape");
    await tab("Transactions");
    await page.getByRole("button", { name: /^Edit sell/ }).click();
    const form = page.getByRole("form", { name: "Change the transaction" });
    await form.getByLabel("Received: quantity").fill("1150");
    await form.getByRole("button", { name: "Save" }).click();
    await page.getByRole("cell", { name: "1,150 USD" }).waitFor();
    await page.getByRole("button", { name: "Undo", exact: true }).click();
    await page.getByRole("cell", { name: "1,100 USD" }).waitFor();
    await page.getByRole("button", { name: /^Delete sell/ }).click();
    await page.getByText(/is deleted/).waitFor();
    await page.getByRole("button", { name: "Undo", exact: true }).click();
    await page.getByRole("cell", { name: "1,100 USD" }).waitFor();
  });
  await go("09-analysis", async () => {
    await tab("Analysis");
    await page.getByText("Volatility, a year").waitFor();
    await page.getByRole("button", { name: "Show the trades" }).click();
    await page.getByRole("group", { name: /^Trades that restore/ }).getByRole("rowheader", { name: "bitcoin" }).waitFor();
  });
  await go("09-tax", async () => {
    await tab("Tax");
    await page.getByRole("group", { name: "Disposals" }).getByRole("rowheader", { name: "bitcoin" }).waitFor();
  });
  await go("09-share", async () => {
    await tab("Settings");
    await page.getByLabel("Whom is it for?").fill("A friend");
    await page.getByRole("button", { name: "Make a link" }).click();
    const address = (await page.getByRole("dialog").getByText(/shared/).textContent()) ?? "";
    const friend = await browser.newContext();
    const other = await friend.newPage();
    await other.goto(address);
    await other.getByRole("rowheader", { name: "bitcoin" }).waitFor();
    if (await other.getByText("Quantity").isVisible()) faults.push("a link that hides amounts shows quantities");
    await friend.close();
  });
  await go("09-hidden", async () => {
    await page.keyboard.press("Escape");
    await tab("Holdings");
    await page.getByRole("rowheader", { name: /bitcoin/ }).first().waitFor();
    await page.keyboard.press("h");
    await page.getByRole("button", { name: "Show amounts" }).waitFor();
    for (const cell of await page.getByRole("group", { name: /^Holdings/ }).getByRole("row").filter({ hasText: "ethereum" }).getByRole("cell").allTextContents()) {
      // Its quantity and its cost.
      if (/^0\.75$|^2,000\.00/.test(cell)) faults.push(`an amount shows although they are hidden: ${cell}`);
    }
    await shot("09-amounts-are-hidden");
    await page.keyboard.press("h");
    await page.getByRole("button", { name: "Hide amounts" }).waitFor();
  });
  await go("10-overview", async () => {
    await page.getByRole("link", { name: "Overview" }).click();
    await page.getByRole("link", { name: "Journey", exact: true }).waitFor();
    await page.getByRole("img", { name: /Value in USD/ }).waitFor();
    await page.getByText(/^Risen$|for a whole day yet/).first().waitFor();
  });
  await go("11-settings", async () => {
    await page.goto(`${url}/settings`);
    await page.getByText("this one").waitFor();
    await page.getByRole("button", { name: "New key" }).click();
    await page.getByRole("textbox", { name: "Name", exact: true }).last().fill("script");
    await page.getByRole("button", { name: "Make the key" }).click();
    await page.getByText(/^csk_/).waitFor();
  });
  await go("12-two-factor", async () => {
    await page.keyboard.press("Escape");
    const card = page.getByRole("region", { name: "Two-factor authentication" });
    await card.getByLabel("Password").fill(password);
    await card.getByRole("button", { name: "Set up" }).click();
    await card.getByRole("img", { name: /QR code/ }).waitFor();
  });
  await go("13-alert-on-chart", async () => {
    await page.goto(`${url}/tokens/bitcoin?interval=1m`);
    const chart = page.getByRole("img", { name: /^BTC.*candles/ });
    await chart.waitFor();
    const price = page.getByLabel(/^Alert me when it/);
    await price.waitFor();
    await chart.scrollIntoViewIfNeeded();
    const box = await chart.boundingBox();
    // The chart draws once it has its candles: a click on it sets the price then.
    for (let tries = 0; tries < 50 && (await price.inputValue()) === ""; tries++) {
      await page.mouse.click(box.x + 60, box.y + 40);
      await page.waitForTimeout(100);
    }
    const clicked = await price.inputValue();
    if (!/^\d+(\.\d+)?$/.test(clicked)) throw new Error(`a click on the chart set the price to "${clicked}"`);
    await price.press("ArrowUp");
    if (Number(await price.inputValue()) <= Number(clicked)) throw new Error("an arrow did not raise the price");
    await page.getByRole("button", { name: "Create the alert" }).click();
    await page.getByText("is armed.").waitFor();
  });
  await go("13-alert-moved", async () => {
    const field = page.getByRole("list", { name: "Alerts here" }).getByRole("textbox").first();
    const before = await field.inputValue();
    await field.press("Shift+ArrowUp");
    await page.getByRole("button", { name: /^Move / }).first().click();
    await page.getByText(/ waits at .* instead of /).waitFor();
    await page.getByRole("button", { name: "Undo", exact: true }).click();
    await page.getByText(/ waits at .* instead of /).waitFor({ state: "detached" });
    if ((await field.inputValue()) !== before) throw new Error(`undone, the alert waits at ${await field.inputValue()} instead of ${before}`);
  });
  await go("13-indicators", async () => {
    await page.getByText("Indicators", { exact: true }).click();
    for (const name of ["Average of 20", "Bollinger bands", "Relative strength (RSI) of 14"]) await page.getByLabel(name, { exact: true }).check();
    await page.getByLabel("Other venues as lines").check();
  });
  await go("14-new-alert", async () => {
    await page.getByRole("link", { name: "More…" }).click();
    await page.getByLabel("When it").selectOption("above");
    await page.getByLabel("Price").fill("1");
    await page.getByText(/^It would (not )?have fired/).waitFor();
    await page.getByLabel("Name").fill("Fires at once");
    await page.getByLabel("Fire at once if it is so already").check();
    await page.getByRole("button", { name: "Send it elsewhere after a while" }).click();
    await page.getByLabel("After minutes (step 1)").waitFor();
    await page.getByRole("button", { name: "Remove step 1" }).click();
  });
  await go("15-fired", async () => {
    await page.getByRole("button", { name: "Create the alert" }).click();
    const fired = page.getByRole("status", { name: "Alerts that fired" });
    await fired.getByRole("link", { name: "Fires at once" }).waitFor();
    await page.waitForURL(/\/alerts\/[0-9a-f-]{36}$/);
    await page.getByRole("button", { name: "Mark as seen" }).click();
    await page.getByText(/^seen /).waitFor();
  });
  await go("16-edit-alert", async () => {
    await page.getByRole("button", { name: "Edit" }).click();
    await page.getByLabel("Kind").selectOption("all");
    await page.getByLabel("Times their median").fill("3");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText(/all of: .* is at or above 1; .*the volume of a 1m candle/).waitFor();
  });
  await go("17-inbox", async () => {
    await page.getByRole("link", { name: /^Inbox/ }).click();
    const row = page.getByRole("list", { name: "Notifications" }).getByRole("listitem").filter({ hasText: "Fires at once" }).first();
    // It was marked as seen: that is the same here.
    await row.getByText(/acknowledged/).waitFor();
    await row.getByText("Deliveries").click();
    await row.getByText("It was sent by no channel.").waitFor();
  });
  await go("18-alerts", async () => {
    await page.getByRole("link", { name: "Alerts", exact: true }).click();
    const row = page.getByRole("list", { name: "Alerts" }).getByRole("listitem").filter({ hasText: "Fires at once" });
    await row.getByRole("button", { name: /^Pause/ }).click();
    await row.getByText("paused").waitFor();
    await row.getByRole("button", { name: /^Delete/ }).click();
    await page.getByRole("button", { name: "Delete for good" }).click();
    await row.waitFor({ state: "detached" });
  });
  await go("19-channel", async () => {
    await page.getByRole("link", { name: /^Inbox/ }).click();
    await page.getByRole("button", { name: "New channel" }).click();
    await page.getByLabel("Name").fill("Post");
    await page.getByLabel("Address").fill(who);
    await page.getByRole("button", { name: "Add it" }).click();
    await page.getByRole("list", { name: "Channels" }).getByText("Post", { exact: true }).waitFor();
  });
  await go("20-forecast-with-skill", async () => {
    await page.route("**/api/v1/predictions/bitcoin?*", (route) => route.fulfill({ json: predictionsOf(true) }));
    await page.goto(`${url}/tokens/bitcoin?interval=1h`);
    await page.getByText("MASE 0.900").first().waitFor();
    await page.getByLabel(/^Forecast: where the price stays/).waitFor();
  });
  await go("21-forecast-without-skill", async () => {
    await page.unroute("**/api/v1/predictions/bitcoin?*");
    await page.route("**/api/v1/predictions/bitcoin?*", (route) => route.fulfill({ json: predictionsOf(false) }));
    await page.route("**/api/v1/predictions/bitcoin/track-record?*", (route) => route.fulfill({ json: trackRecordOf() }));
    await page.route("**/api/v1/predictions/bitcoin/history?*", (route) => route.fulfill({ json: historyOf() }));
    await page.route("**/api/v1/models", (route) => route.fulfill({ json: modelsOf() }));
    await page.goto(`${url}/forecasts`);
    await page.getByText("No model is better than repeating the last price.").waitFor();
    await page.getByRole("link", { name: "Bitcoin BTC" }).click();
    await page.getByRole("img", { name: /^Calibration/ }).first().waitFor();
    await page.getByText("outside").waitFor();
  });
  await go("22-data", async () => {
    await page.goto(`${url}/data?search=bitcoin`);
    await page.getByRole("img", { name: /% proven/ }).first().waitFor();
    await page.getByRole("button", { name: /^Gaps of/ }).first().click();
    await page.getByRole("listitem").filter({ hasText: "late start" }).first().waitFor();
  });
  if (process.env.INVITATION) {
    await go("23-admin", async () => {
      await page.getByRole("link", { name: "Admin" }).click();
      await page.getByText("(you)").waitFor();
    });
    await go("24-admin-parts", async () => {
      await page.getByRole("link", { name: "Parts" }).click();
      await page.getByText("feed_binance", { exact: true }).waitFor();
    });
    await go("25-admin-jobs", async () => {
      await page.getByRole("link", { name: "Jobs" }).click();
      await page.getByText(/^There is no such job|asked for/).first().waitFor();
    });
  }
  await go("26-light", async () => {
    await page.goto(`${url}/overview`);
    await page.getByRole("button", { name: /Switch to light/ }).click();
    await page.getByRole("img", { name: /Value in USD/ }).waitFor();
  });
  await page.setViewportSize({ width: 360, height: 740 });
  const PHONE = [
    ["market", "/", () => page.getByRole("link", { name: "Bitcoin BTC" })],
    ["token", "/tokens/bitcoin", () => page.getByRole("img", { name: /^BTC.*candles/ })],
    ["portfolios", "/portfolios", () => page.getByRole("link", { name: "Journey", exact: true })],
    ["alerts", "/alerts", () => page.getByRole("list", { name: "Alerts" })],
    ["new-alert", "/alerts/new?venue=binance&symbol=BTCUSDT", () => page.getByRole("img", { name: /^BTC.*candles/ })],
    ["notifications", "/notifications", () => page.getByRole("list", { name: "Notifications" })],
    ["forecasts", "/forecasts", () => page.getByRole("link", { name: "Bitcoin BTC" })],
    ["forecast", "/forecasts/bitcoin", () => page.getByRole("img", { name: /^Calibration/ }).first()],
    ["data", "/data?search=bitcoin", () => page.getByRole("img", { name: /% proven/ }).first()],
    ["settings", "/settings", () => page.getByText("this one")],
  ];
  for (const [name, path, seen] of PHONE) {
    await go(`phone-${name}`, async () => {
      await page.goto(url + path);
      await seen().waitFor();
      await fits(name);
    });
  }
  await go("27-phone-portfolio", async () => {
    await page.goto(`${url}/overview`);
    await page.getByRole("link", { name: "Journey", exact: true }).click();
    await page.getByRole("rowheader", { name: /bitcoin/ }).first().waitFor();
    await fits("a portfolio");
  });
  const PARTS = [
    ["Transactions", () => page.getByRole("button", { name: /^Edit sell/ })],
    ["Analysis", () => page.getByText("Volatility, a year")],
    ["Tax", () => page.getByRole("group", { name: "Disposals" })],
    ["Settings", () => page.getByRole("list", { name: "Accounts" }).getByRole("button").first()],
  ];
  for (const [name, seen] of PARTS) {
    await go(`27-phone-portfolio-${name.toLowerCase()}`, async () => {
      await tab(name);
      await seen().waitFor();
      await fits(`a portfolio’s ${name.toLowerCase()}`);
    });
  }
  await go("28-cut-off", async () => {
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.goto(url);
    await page.getByText("Live").first().waitFor();
    await context.setOffline(true);
    await page.getByText(/Reconnecting|Offline|stale/).first().waitFor({ timeout: 60_000 });
    await shot("cut-off-stale");
    await context.setOffline(false);
    await page.getByText("Live").first().waitFor();
  });
  await go("29-signed-out", async () => {
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("link", { name: "Sign in" }).waitFor();
  });
} catch (error) {
  await page.screenshot({ path: join(shots, "failed.png"), fullPage: true });
  faults.push(`${step}: ${error.message}`);
} finally {
  await browser.close();
}
for (const fault of faults) console.error(fault);
process.exit(faults.length === 0 ? 0 : 1);
