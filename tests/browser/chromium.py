"""How Debian's Chromium is started: headless, and with no other network than loopback."""

from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, Playwright

__all__ = ["CHROMIUM", "HIDE_ADDRESSES", "launch", "launch_another", "process_ids"]

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",  # tests may run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    # Without these a tab that is not in front is slowed down; all are watched at once.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--allow-loopback-in-peer-connection",
]
# Candidates have names to be asked for by mDNS, as in a user's browser, or else addresses.
HIDE_ADDRESSES = "--enable-features=WebRtcHideLocalIpsWithMdns"
SHOW_ADDRESSES = "--disable-features=WebRtcHideLocalIpsWithMdns"


def launch(
    playwright: Playwright, arguments: Sequence[str] = (), executable: str | Path = CHROMIUM
) -> Browser:
    """Start it.

    Args:
        playwright: what starts it.
        arguments: further ones.
        executable: Chromium, or what starts it elsewhere.
    """
    shown = [] if HIDE_ADDRESSES in arguments else [SHOW_ADDRESSES]
    return playwright.chromium.launch(
        executable_path=executable, args=[*ARGUMENTS, *shown, *arguments]
    )


def launch_another(browser: Browser) -> Browser:
    """Start a second one, with processes of its own."""
    return browser.browser_type.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, SHOW_ADDRESSES])


def process_ids(browser: Browser) -> list[int]:
    """Its processes: the browser itself, network, GPU, and one for each tab."""
    session = browser.new_browser_cdp_session()
    return [process["id"] for process in session.send("SystemInfo.getProcessInfo")["processInfo"]]
