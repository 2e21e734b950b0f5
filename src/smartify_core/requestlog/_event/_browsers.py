"""The closed vocabulary of browsers, operating systems and classes of devices.

A name of the log is one of these and nothing else. The tables also say by which names `ua-parser` and client hints know
them: what a header says is looked up here, so that no text of a header can get any further.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

OTHER: Final = "Other"


def _names(table: str) -> Mapping[str, str]:
    """Return our name by each foreign one in lower case. A line is ``ours: foreign, foreign``; ours is one of them."""
    found: dict[str, str] = {}
    for line in table.strip().splitlines():
        ours, _, foreign = line.strip().partition(":")
        found |= {name.strip().lower(): ours for name in (ours, *foreign.split(",")) if name.strip()}
    return MappingProxyType(found)


#: Programs that people look at pages with, by the families of ua-parser.
_BROWSERS: Final = _names(
    """
    360 Browser: 360 Secure Browser
    Aloha Browser
    Amazon Silk
    Android Browser: Android
    Android WebView: Chrome Mobile WebView
    Apple Mail
    Avast Secure Browser
    AVG Secure Browser: AVG
    Baidu Browser: Baidu Explorer
    Basilisk
    BlackBerry Browser: BlackBerry, BlackBerry WebKit
    Brave
    Chrome: Chrome Mobile, Chrome Mobile iOS
    Chromium
    Coc Coc
    Discord
    DuckDuckGo: DuckDuckGo Mobile
    Ecosia: Ecosia Android, Ecosia iOS
    Edge: Edge Mobile
    Electron
    Epiphany
    Facebook
    Facebook Messenger
    Falkon
    Firefox: Firefox Mobile, Firefox iOS, Firefox Beta, Firefox Alpha, Firefox Focus, Focus, Klar
    Google App: Google
    HeyTap Browser
    Honor Browser
    Huawei Browser: HuaweiBrowser
    Instagram
    Internet Explorer: IE, IE Mobile, IE Large Screen
    iOS WebView: Mobile Safari UI/WKWebView
    KakaoTalk
    Konqueror
    Ladybird
    LINE
    LinkedIn: LinkedInApp
    Links: ELinks
    Lynx
    Maxthon
    Meta Quest Browser: Oculus Browser
    Mi Browser: MiuiBrowser, Mint Browser
    Microsoft Teams
    Midori
    Mullvad Browser: MullvadBrowser
    NetFront: NetFront NX
    Nokia Browser
    Norton Browser: Norton
    Opera: Opera Mobile, Opera Tablet, Opera Touch, Opera Coast, Opera Neon
    Opera GX
    Opera Mini
    Outlook: Outlook-iOS
    Pale Moon: PaleMoon
    Phoenix Browser
    Pinterest
    Puffin
    QQ Browser: QQ Browser Mobile, QQ Browser Mini
    Quark: Quark PC
    Safari: Mobile Safari
    Sailfish Browser
    Samsung Internet
    SeaMonkey
    Silk
    Skype
    Slack: Slack Desktop Client
    Sleipnir
    Snapchat
    Sogou Explorer
    Telegram
    Thunderbird
    TikTok
    Tizen Browser
    UC Browser
    Vivaldi
    Vivo Browser: VivoBrowser
    w3m
    Waterfox
    webOS Browser
    WeChat: WeChat Browser
    Weibo
    Whale
    Wolvic: Wolvic Browser
    X: Twitter
    Yandex Browser
    """
)
#: Libraries that the apps of phones and desktops ask with.
_APPS: Final = _names(
    """
    CFNetwork
    Dart
    okhttp
    """
)
#: Programs that ask by themselves: crawlers, previews of links, monitors, scripts. Their class of device is ``bot``.
_BOTS: Final = _names(
    """
    AhrefsBot
    Amazonbot
    Apache HttpClient: Apache-HttpClient
    Applebot
    axios
    Baiduspider: Baidu Spider
    bingbot: BingPreview, adidxbot
    Blackbox Exporter
    Bytespider
    CCBot
    ChatGPT-User
    ClaudeBot: Claude-User, Claude-SearchBot, Claude-Web
    curl
    DataForSeoBot
    Discordbot
    DotBot
    DuckDuckBot: DuckAssistBot
    ELB-HealthChecker
    facebookexternalhit: FacebookBot, facebookcatalog, meta-externalagent, meta-externalfetcher
    Go-http-client
    GoogleHC
    Google AdsBot: AdsBot-Google, AdsBot-Google-Mobile, Mediapartners-Google, APIs-Google, Storebot-Google
    Google fetcher: FeedFetcher-Google, Google-Read-Aloud, Google-InspectionTool, GoogleOther, GmailImageProxy
    Googlebot: Googlebot-Image, Googlebot-News, Googlebot-Video, Googlebot-Mobile
    GPTBot
    Grafana
    Guzzle: GuzzleHttp
    Headless Chrome: HeadlessChrome
    HubSpot Crawler
    ia_archiver: archive.org_bot
    Java
    kube-probe
    LinkedInBot
    libwww-perl
    Mastodon
    MJ12bot
    node-fetch: node, undici
    OAI-SearchBot
    PerplexityBot: Perplexity-User
    PetalBot: AspiegelBot
    PhantomJS
    PingdomBot: Pingdom
    Pinterestbot
    Postman: PostmanRuntime
    PowerShell: WindowsPowerShell
    Prometheus
    Python aiohttp
    Python Requests: python-requests
    Python urllib: Python-urllib
    python-httpx
    SemrushBot
    SeznamBot
    Site24x7
    SiteAuditBot
    Slackbot: Slackbot-LinkExpanding, Slack-ImgProxy
    Sogou web spider
    StatusCakeBot: StatusCake
    Twitterbot
    UptimeRobot
    Wget: wget2
    WhatsApp
    YahooMailProxy
    Yahoo! Slurp: Slurp
    YandexBot: YandexImages, YandexMobileBot, YandexAccessibilityBot, YandexMetrika, YandexRenderResourcesBot
    """
)
#: Operating systems, by the families of ua-parser and the platforms of client hints.
_SYSTEMS: Final = _names(
    """
    Android
    BlackBerry: BlackBerry OS, BlackBerry Tablet OS
    BSD: FreeBSD, OpenBSD, NetBSD
    ChromeOS: Chrome OS, Chromium OS
    Firefox OS
    Fuchsia: Chromecast Fuchsia
    HarmonyOS
    iOS
    KaiOS
    Linux: Ubuntu, Kubuntu, Lubuntu, Debian, Fedora, Red Hat, CentOS, Arch Linux, Linux Mint, Mageia, Mandriva
    Linux: openSUSE, SUSE, Gentoo, Slackware, PCLinuxOS, Puppy, BackTrack
    macOS: Mac OS X, Mac OS
    Sailfish
    Solaris
    Symbian: Symbian OS, Symbian^3, Symbian^3 Anna, Symbian^3 Belle
    Tizen
    tvOS: ATV OS X
    watchOS
    webOS: Web0S
    Windows
    Windows Phone: Windows Mobile
    """
)
#: What a brand of ``Sec-CH-UA`` is called here; the earlier one counts where several are known.
_BRANDS: Final = _names(
    """
    Headless Chrome: HeadlessChrome
    Opera GX
    Opera
    Brave
    Edge: Microsoft Edge, Microsoft Edge WebView2
    Vivaldi
    Yandex Browser: Yandex, YaBrowser
    Samsung Internet
    DuckDuckGo
    Ecosia
    Whale
    Coc Coc: CocCoc
    Aloha Browser: Aloha
    Amazon Silk: Silk
    Avast Secure Browser
    AVG Secure Browser
    Norton Browser: Norton Private Browser, Norton Secure Browser
    Huawei Browser: HuaweiBrowser
    Honor Browser: HonorBrowser
    HeyTap Browser: HeyTapBrowser
    Mi Browser: Miui Browser, MiuiBrowser, XiaoMi Browser
    Vivo Browser: VivoBrowser
    Meta Quest Browser: Oculus Browser
    QQ Browser: QQBrowser
    UC Browser: UCBrowser
    Quark
    Chrome: Google Chrome
    Android WebView
    Chromium
    """
)
_PROGRAMS: Final = {**_APPS, **_BOTS}
_KNOWN: Final = {**_PROGRAMS, **_BROWSERS}
_RANKS: Final = {brand: rank for rank, brand in enumerate(_BRANDS)}

#: Families of crawlers, monitors and scripts.
BOTS: Final = frozenset(_BOTS.values())
#: Families of browsers, apps and bots. Everything else is ``Other``.
BROWSERS: Final = frozenset({*_BROWSERS.values(), *_APPS.values(), *BOTS, OTHER})
#: Families of operating systems. Everything else is ``Other``.
SYSTEMS: Final = frozenset({*_SYSTEMS.values(), OTHER})
#: Operating systems that run on desks and laps.
DESKTOP_SYSTEMS: Final = frozenset({"BSD", "ChromeOS", "Linux", "macOS", "Solaris", "Windows"})
#: Operating systems that run on phones and nothing else.
PHONE_SYSTEMS: Final = frozenset(
    {"BlackBerry", "Firefox OS", "HarmonyOS", "KaiOS", "Sailfish", "Symbian", "Windows Phone"}
)
#: Classes of devices.
DEVICES: Final = ("desktop", "mobile", "tablet", "bot", "other")


def browser_named(name: str) -> str:
    """Return our name of the browser, app or bot that ``name`` is known as, or ``Other``."""
    return _KNOWN.get(name.lower(), OTHER)


def program_named(name: str) -> str:
    """Return our name of the bot or the app's library that ``name`` is known as, or ``Other``."""
    return _PROGRAMS.get(name.lower(), OTHER)


def system_named(name: str) -> str:
    """Return our name of the operating system that ``name`` is known as, or ``Other``."""
    return _SYSTEMS.get(name.lower(), OTHER)


def brand_named(name: str) -> tuple[int, str] | None:
    """Return the rank and our name of the browser whose brand is ``name``; None for one that is not known."""
    name = name.lower()
    return (_RANKS[name], _BRANDS[name]) if name in _BRANDS else None
