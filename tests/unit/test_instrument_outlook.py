"""What only Outlook reads: links in conditional comments and in VML lead where they led, or stay as they are."""

import html5lib
import pytest

from seenby.instrument import analyse, stamp
from seenby.words.policy import FULL
from seenby.words.token import Keyring, encode_id

HEAD = b"Content-Type: text/html; charset=utf-8\r\n\r\n"
KEYS = Keyring(keys={7: b"k" * 32}, current=7)
TRACKING = "https://t.example.com"


def page_of(body: str) -> tuple[list[str], str]:
    """The targets that are tracked, and the stamped page with each tracking URL put back."""
    analysis = analyse(HEAD + body.encode() + b"<p>Hi", tracking_url=TRACKING)
    made = stamp(
        analysis,
        message=encode_id(b"m" * 12),
        recipient=encode_id(b"r" * 8),
        policy=FULL,
        keys=KEYS,
        tracking_url=TRACKING,
    )
    page = made.message[len(HEAD) :].decode()
    for link in made.links:
        assert page.count(link.url) == 1
        page = page.replace(link.url, link.target)
    return [link.target for link in analysis.links], page.split("<p>Hi")[0]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            '<!--[if mso]><v:roundrect xmlns:v="urn:v" href="https://example.org/" arcsize="8%"/><![endif]-->', id="VML"
        ),
        pytest.param('<!--[if mso]><v:rect stroke="f" href="https://example.org/"></v:rect><![endif]-->', id="rect"),
        pytest.param("<!--[if gte mso 9]><V:Shape HREF='https://example.org/'></v:shape><![endif]-->", id="capitals"),
        pytest.param('<!--[if mso]><a href=" https://example.org/ ">x</a><![endif]-->', id="a link for Outlook"),
        pytest.param(
            '<!--[if (gte mso 9)|(IE)]><table><tr><td><a href="https://example.org/">x</a></td></tr></table><![ENDIF]-->',
            id="a table that ends",
        ),
        pytest.param(
            '<!--[if mso]><style>a{}</style><a href="https://example.org/">x</a><![endif]-->', id="after a style"
        ),
        pytest.param('<!--[if !mso]><!--><a href="https://example.org/">x</a><!--<![endif]-->', id="all but Outlook"),
        pytest.param('<v:oval href="https://example.org/"></v:oval>', id="VML outside of a comment"),
    ],
)
def test_a_link_that_outlook_reads_is_wrapped(body: str) -> None:
    targets, page = page_of(body)
    assert targets == ["https://example.org/"]
    assert page == body


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            '<!--[if mso]><!--[if gte mso 9]><a href="https://example.org/">x</a><![endif]--><![endif]-->',
            id="a condition in a condition",
        ),
        pytest.param(
            '<!--[if mso]><![if vml]><a href="https://example.org/">x</a><![endif]><![endif]-->', id="revealed"
        ),
        pytest.param("<!--[if mso]><a href=https://example.org/>x</a><![endif]-->", id="no quotes"),
        pytest.param('<!--[if mso]><a href="https://example.org/ <![endif]-->', id="a tag that does not end"),
        pytest.param('<!--[if mso]><style><a href="https://example.org/"><![endif]-->', id="a style that does not end"),
        pytest.param('<!--[if mso]><a href="https://example.org/">x</a>-->', id="no end of the condition"),
        pytest.param('<!-- [if mso]><a href="https://example.org/">x</a><![endif]-->', id="no condition"),
        pytest.param('<!-- <a href="https://example.org/">x</a> -->', id="a comment"),
        pytest.param(
            '<!--[if mso]><v:fill src="https://example.org/a.png" href="https://example.org/"/><![endif]-->', id="fill"
        ),
        pytest.param('<!--[if mso]><v:rect o:href="https://example.org/"/><![endif]-->', id="another href"),
        pytest.param('<!--[if mso]><v:rect href="mailto:a@example.org"/><![endif]-->', id="no web link"),
    ],
)
def test_in_doubt_a_comment_stays_as_it_is(body: str) -> None:
    assert page_of(body) == ([], body)


def test_a_browser_sees_one_comment_where_it_saw_one() -> None:
    body = "<p>" + "".join(
        f'<!--[if mso]><v:rect href="https://example.org/{n}"/><![endif]--><b>{n}</b>' for n in range(64)
    )
    analysis = analyse(HEAD + body.encode(), tracking_url=TRACKING)
    made = stamp(analysis, message="A" * 16, recipient=None, policy=FULL, keys=KEYS, tracking_url=TRACKING).message
    tree = html5lib.parse(made[len(HEAD) :].decode(), treebuilder="etree", namespaceHTMLElements=False)
    assert len(analysis.links) == sum(callable(node.tag) for node in tree.iter()) == 64
    bold = [node.text for node in tree.iter() if node.tag == "b"]
    assert bold == [str(n) for n in range(64)]
