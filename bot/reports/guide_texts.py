"""The guide to manipulated pictures that every server has, for people who read it on a phone."""

from __future__ import annotations

from bot.language import mark, say
from bot.model import Language

TITLE = mark("Deepfakes: manipulated pictures and videos")
HOTLINE = mark("**Hotline:** {hotline}")

REPORT_MENU = mark("Report picture", most=32)
"""The name of the message menu, which the guide calls by what the reader's Discord shows."""

RECOGNISE = mark(
    "### How to recognise one\n"
    "- **Edges** of the face, hair and neck: blurred, doubled, or of another skin colour than beside them\n"
    "- **Light**: shadows, and reflections in the eyes, that do not fit the rest of the picture\n"
    "- **Hair, jewellery and hands**: strands that end in nothing, earrings that differ, fingers too many\n"
    "- **Background**: straight lines that bend beside the body, letters that nobody can read\n"
    "- **Videos**: hardly any blinking, lips that do not follow the sound, a face that flickers when it turns\n"
    "\n"
    "A good deepfake shows none of this: finding no mistake does not mean that it is real. You need not look at a "
    "sexual picture to report it."
)
CHECK = mark(
    "### Check it with official sources\n"
    "- What did the artist, the agency or an official account say or post? A screenshot of it proves nothing: open the "
    "account yourself.\n"
    "- Many deepfakes are official photos with a part exchanged: look for the original there.\n"
    "- As long as nothing official confirms it, take it for untrue."
)
SHARE = mark(
    "### Do not share it, even to warn\n"
    "Every copy hurts the person shown again, and makes the fake easier to find. Do not save it, and pass on no "
    "screenshot, link or search word. In many countries sharing it is a crime; in Korea so is knowingly keeping or "
    "watching a sexual deepfake.\n"
    "Warn in words: say that a fake is going around, and that it was reported."
)
REPORT = mark(
    "### Report it here\n"
    "- In the message's menu (right click or long press): **Apps**, then **{menu}**. Or use `/report picture`. Only "
    "you see the answer.\n"
    "- Are you the person shown, or do you act for them? With `/takedown` the moderators look at it first of all.\n"
    "- May the person be under 18? Do not open, save or send it. Report the message to Discord as well: **Report "
    "Message** in its menu."
)
HELP = mark(
    "### Where to find help\n"
    "- [StopNCII.org](https://stopncii.org): for adults whose intimate pictures, real or fake, are going around or may "
    "be soon\n"
    "- [Take It Down](https://takeitdown.ncmec.org): for pictures of somebody under 18\n"
    "- [Discord's form](https://discord.com/report): for the person shown, or whoever acts for them\n"
    "- **The agency**, if it is about an artist: many take reports on their website\n"
    "\n"
    "All of it is free. With the first two the picture stays on your own device: platforms get nothing but its "
    "fingerprint (hash)."
)


def body(language: Language) -> str:
    """The whole guide in a language."""
    sections = (
        say(language, RECOGNISE),
        say(language, CHECK),
        say(language, SHARE),
        say(language, REPORT, menu=say(language, REPORT_MENU)),
        say(language, HELP),
    )
    return "\n\n".join(sections)
