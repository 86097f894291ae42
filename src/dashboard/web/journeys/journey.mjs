/**
 * The journey of a new user in a real browser, against a running program:
 *   node journeys/journey.mjs URL OUTBOX SCREENSHOTS
 * From signing up to an imported portfolio and its overview, in both themes and on a phone. A violation of the page's
 * policy or an error of its scripts fails it. OUTBOX is the directory that emails are written to.
 */
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

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
page.setDefaultTimeout(20_000);

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

let step = "";
async function shot(name) {
  await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
  for (const violation of await page.evaluate(() => window.violations.splice(0))) faults.push(`policy on ${name}: ${violation}`);
}
async function go(name, run) {
  step = name;
  await run();
  await shot(name);
  console.log(`ok ${name}`);
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
    await page.getByRole("heading", { name: /^In / }).first().waitFor();
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
    await page.getByRole("button", { name: "Create the account" }).click();
    await page.getByText(/verif/i).first().waitFor();
  });
  await go("05-portfolios", async () => {
    let text;
    for (let tries = 0; text === undefined && tries < 100; tries++) {
      text = email(who);
      if (text === undefined) await page.waitForTimeout(100);
    }
    const link = /\/api\/v1\/auth\/verify-email\/[\w-]+/.exec(text ?? "")?.[0];
    if (link === undefined) throw new Error("there is no email with a link");
    await page.request.get(url + link);
    await page.goto(`${url}/portfolios`);
    await page.getByLabel("Name").fill("Journey");
    await page.getByRole("button", { name: "Create" }).click();
    await page.getByRole("heading", { name: "Journey" }).waitFor();
  });
  await go("06-dry-run", async () => {
    await page.getByLabel(/Files of a venue/).setInputFiles({ name: "trades.csv", mimeType: "text/csv", buffer: Buffer.from(csv) });
    await page.getByText("transactions would be added").waitFor();
  });
  await go("07-portfolio", async () => {
    await page.getByRole("button", { name: "Import 3" }).click();
    await page.getByText("3 added").waitFor();
    await page.getByRole("rowheader", { name: /bitcoin/ }).first().waitFor();
    await page.getByRole("img", { name: /Value in USD/ }).waitFor();
  });
  await go("08-explain", async () => {
    await page.getByRole("button", { name: "Explain: Value" }).click();
    await page.getByRole("dialog").getByText("holding").first().waitFor();
  });
  await go("09-overview", async () => {
    await page.keyboard.press("Escape");
    await page.getByRole("link", { name: "Overview" }).click();
    await page.getByRole("link", { name: "Journey", exact: true }).waitFor();
    await page.getByRole("img", { name: /Value in USD/ }).waitFor();
    await page.getByText("Risen").waitFor();
  });
  await go("10-settings", async () => {
    await page.goto(`${url}/settings`);
    await page.getByText("this one").waitFor();
    await page.getByRole("button", { name: "New key" }).click();
    await page.getByRole("textbox", { name: "Name", exact: true }).last().fill("script");
    await page.getByRole("button", { name: "Make the key" }).click();
    await page.getByText(/^csk_/).waitFor();
  });
  await go("11-two-factor", async () => {
    await page.keyboard.press("Escape");
    const card = page.getByRole("region", { name: "Two-factor authentication" });
    await card.getByLabel("Password").fill(password);
    await card.getByRole("button", { name: "Set up" }).click();
    await card.getByRole("img", { name: /QR code/ }).waitFor();
  });
  await go("12-light", async () => {
    await page.goto(`${url}/overview`);
    await page.getByRole("button", { name: /Switch to light/ }).click();
    await page.getByRole("img", { name: /Value in USD/ }).waitFor();
  });
  await go("13-phone", async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    await page.goto(url);
    await page.getByRole("link", { name: "Bitcoin BTC" }).waitFor();
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (wide > 0) faults.push(`the market is ${wide} pixels wider than a phone`);
  });
  await go("14-phone-portfolio", async () => {
    await page.goto(`${url}/overview`);
    await page.getByRole("link", { name: "Journey", exact: true }).click();
    await page.getByRole("rowheader", { name: /bitcoin/ }).first().waitFor();
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (wide > 0) faults.push(`a portfolio is ${wide} pixels wider than a phone`);
  });
  await go("15-cut-off", async () => {
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.goto(url);
    await page.getByText("Live").first().waitFor();
    await context.setOffline(true);
    await page.getByText(/Reconnecting|Offline|stale/).first().waitFor({ timeout: 60_000 });
    await shot("15-cut-off-stale");
    await context.setOffline(false);
    await page.getByText("Live").first().waitFor();
  });
  await go("16-signed-out", async () => {
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
