//! Named examples: what the model writes, and how it looks.

use super::{check, show};
use crate::markup::{PART_MAX, render};

/// (claim, Markdown, the one part of it as `show` writes it)
const EXAMPLES: &[(&str, &str, &str)] = &[
    // Plain text.
    ("plain text stays", "Привіт, світе! Як справи?", "Привіт, світе! Як справи?"),
    ("emoji stay", "Ага 😀👍🏽 👨‍👩‍👧", "Ага 😀👍🏽 👨‍👩‍👧"),
    ("line breaks stay", "раз\nдва\n\nтри", "раз\nдва\n\nтри"),
    ("many empty lines are one", "раз\n\n\n\nдва", "раз\n\nдва"),
    ("a hard break is a line break", "раз  \nдва\\\nтри", "раз\nдва\nтри"),
    ("white space around is dropped", "\n\n  слово \n", "слово"),
    ("indented lines stay indented", "вірш:\n  перший\n   другий", "вірш:\n  перший\n   другий"),
    ("windows line ends", "раз\r\nдва\r\n\r\nтри", "раз\nдва\n\nтри"),
    ("control characters are dropped", "а\u{0}б\u{8}в", "абв"),
    ("quotation marks stay", "«так» \"ні\" -- і...", "«так» \"ні\" -- і..."),
    // Styles.
    ("bold", "це **важливо**!", "це <b>важливо</b>!"),
    ("underline", "це __важливо__!", "це <u>важливо</u>!"),
    ("underlined italic", "___обидва___", "<i><u>обидва</u></i>"),
    ("italic", "*сміється* так _тихо_", "<i>сміється</i> так <i>тихо</i>"),
    ("bold italic", "***обидва***", "<i><b>обидва</b></i>"),
    ("bold in italic", "*а **б** в*", "<i>а <b>б</b> в</i>"),
    ("underline in bold", "**а __б__ в**", "<b>а <u>б</u> в</b>"),
    ("bold in bold is bold", "**а ****б**** в**", "<b>а б в</b>"),
    ("strikethrough", "~~ні~~ так", "<s>ні</s> так"),
    ("an ending after italics", "*Гряг*у і **Гряг**ом", "<i>Гряг</i>у і <b>Гряг</b>ом"),
    ("offsets after an emoji", "😀 **так**", "😀 <b>так</b>"),
    ("unfinished bold stays as written", "**почав і", "**почав і"),
    ("escaped stars", "\\*не курсив\\* і \\_теж\\_", "*не курсив* і _теж_"),
    ("escaped points", "1\\. так\\!", "1. так!"),
    // Spoilers.
    ("spoiler", "вбивця — ||садівник||!", "вбивця — <spoiler>садівник</spoiler>!"),
    ("a spoiler with bold in it", "||це **він**||", "<spoiler>це <b>він</b></spoiler>"),
    ("a bold spoiler", "**||він||**", "<b><spoiler>він</spoiler></b>"),
    ("a spoiler over two lines", "||раз\nдва||", "<spoiler>раз\nдва</spoiler>"),
    ("two spoilers", "||а|| і ||б||", "<spoiler>а</spoiler> і <spoiler>б</spoiler>"),
    ("one mark is no spoiler", "а || б", "а || б"),
    ("half a spoiler stays as written", "||а і б", "||а і б"),
    ("bars with spaces are no spoiler", "a || b || c", "a || b || c"),
    ("a condition is no spoiler", "if (a||b||c)", "if (a||b||c)"),
    ("four bars are four bars", "||||", "||||"),
    ("escaped bars are no spoiler", "\\|\\|а\\|\\|", "||а||"),
    ("no spoiler in code", "`||а||`", "<code>||а||</code>"),
    ("a spoiler that crosses bold is text", "||а **б|| в**", "||а <b>б|| в</b>"),
    // Code.
    ("code", "пиши `cargo run`", "пиши <code>cargo run</code>"),
    ("code keeps markup", "`**а** <b> &amp; a_b_c 2*3`", "<code>**а** <b> &amp; a_b_c 2*3</code>"),
    ("code keeps backslashes", "`\\|` і `\\_`", "<code>\\|</code> і <code>\\_</code>"),
    ("bold ends before code and goes on after it", "**а `б` в**", "<b>а</b> <code>б</code> <b>в</b>"),
    ("bold code is code", "**`б`**", "<code>б</code>"),
    ("code in a link is a link", "[`б`](https://a.b)", "<a https://a.b>б</a>"),
    ("a fence", "```\nа\n  б\n```", "<pre>а\n  б</pre>"),
    ("a fence with a language", "Ось:\n```rust\nfn main() {}\n```\nі все", "Ось:\n<pre rust>fn main() {}</pre>\nі все"),
    ("a fence after an empty line", "Ось:\n\n```c++\nx\n```\n\nвсе", "Ось:\n\n<pre c++>x</pre>\n\nвсе"),
    ("an unfinished fence", "```python\nprint(1)", "<pre python>print(1)</pre>"),
    ("a fence keeps markup", "```\n# **а** ||б|| <b>\n* 2*3\n```", "<pre># **а** ||б|| <b>\n* 2*3</pre>"),
    ("a fence keeps its first indentation", "```\n\n    а\n  б\n\n```", "<pre>    а\n  б</pre>"),
    ("tabs in code are spaces", "```go\nif x {\n\ty()\n}\n```", "<pre go>if x {\n    y()\n}</pre>"),
    ("a fence of tildes", "~~~sh\nls\n~~~", "<pre sh>ls</pre>"),
    ("words after the language are kept", "```python title=\"a\"\nx\n```", "<pre python>title=\"a\"\nx</pre>"),
    ("what is no language is kept", "```ось код\nx\n```", "<pre>ось код\nx</pre>"),
    ("an empty fence alone is shown", "```\n```", "```\n```"),
    ("fence in a list item", "- так:\n  ```\n  x\n  ```\n  і ні", "• так:\n<pre>x</pre>\n    і ні"),
    // Names, products and other things that are no markup.
    ("products", "2*3*4 і a*b*c та 2 * 3 * 4", "2*3*4 і a*b*c та 2 * 3 * 4"),
    ("powers", "2**3 та 4**5", "2**3 та 4**5"),
    ("a product in italics", "*2*3 це 6*", "<i>2*3 це 6</i>"),
    ("snake case", "my_file_name.txt і _start", "my_file_name.txt і _start"),
    ("user names", "@some_name_bot, @_a_b_ і @a__b__c", "@some_name_bot, @_a_b_ і @a__b__c"),
    ("a user name in italics", "_пиши @some_bot зараз_", "<i>пиши @some_bot зараз</i>"),
    ("tags", "#мій_тег_тут і #tag_", "#мій_тег_тут і #tag_"),
    ("a tag at the start is no heading", "#тег раз", "#тег раз"),
    ("file names", "__init__.py та src/__main__.py", "__init__.py та src/__main__.py"),
    ("about", "~5 хв, ~10~ хв", "~5 хв, ~10~ хв"),
    ("a shrug keeps its arm", "¯\\_(ツ)_/¯", "¯\\_(ツ)_/¯"),
    ("faces", ">_< :) *_*", ">_< :) *_*"),
    ("a heart", "я <3 тебе", "я <3 тебе"),
    ("a dollar", "$5 і $10$", "$5 і $10$"),
    ("a footnote stays", "текст[^1]\n\n[^1]: нота", "текст[^1]\n\n[^1]: нота"),
    // HTML.
    ("html is shown as written", "<b>так</b> <script>x</script>", "<b>так</b> <script>x</script>"),
    ("html blocks are shown as written", "<div>\n\n**а**\n</div>", "<div>\n\n<b>а</b>\n</div>"),
    ("attributes are shown as written", "<a href=\"x\" title='*a* _b_'>", "<a href=\"x\" title='*a* _b_'>"),
    ("comments are shown as written", "<!-- *a* -->", "<!-- *a* -->"),
    ("html entities are shown as written", "&lt;b&gt; &amp; &#33; AT&T", "&lt;b&gt; &amp; &#33; AT&T"),
    ("comparisons", "a < b > c <d", "a < b > c <d"),
    // Links.
    ("a link", "[тут](https://example.org/a?b=1&c=2)", "<a https://example.org/a?b=1&c=2>тут</a>"),
    ("a link with a title", "[тут](https://a.b \"назва\")", "<a https://a.b>тут</a>"),
    ("a link in angle brackets", "[тут](<https://a.b/в>)", "<a https://a.b/в>тут</a>"),
    ("a link with underscores", "[a](https://a.b/x_y_z~q)", "<a https://a.b/x_y_z~q>a</a>"),
    ("a bold link", "**[тут](https://a.b)**", "<b><a https://a.b>тут</a></b>"),
    ("a link with bold in it", "[**тут** і](https://a.b)", "<a https://a.b><b>тут</b> і</a>"),
    ("a bare address stays", "https://a.b/x_y_z_ і http://c.d/_e_", "https://a.b/x_y_z_ і http://c.d/_e_"),
    ("a bare address keeps its entities", "https://a.b/?c=d&amp;e_", "https://a.b/?c=d&amp;e_"),
    ("a bare address in bold", "**https://a.b/x_y**", "<b>https://a.b/x_y</b>"),
    ("an autolink is a bare address", "<https://a.b/x_y>", "https://a.b/x_y"),
    ("a link labelled by itself is bare", "[https://a.b](https://a.b)", "https://a.b"),
    ("a link without a label is bare", "[](https://a.b)", "https://a.b"),
    ("a script is inert", "[тут](javascript:alert(1))", "тут"),
    ("a deep link is inert", "[**ім'я**](tg://user?id=1)", "<b>ім'я</b>"),
    ("data is inert", "[тут](data:text/html,x)", "тут"),
    ("a path is inert", "[тут](docs/a.md) і [там](#a)", "тут і там"),
    ("a hidden host is inert", "[банк](https://bank.example@evil.example)", "банк"),
    ("a mail address is shown", "[пиши](mailto:a@b.c)", "пиши (a@b.c)"),
    ("a picture is a link", "![кіт](https://a.b/c.png)", "<a https://a.b/c.png>кіт</a>"),
    ("a picture without a name", "![](https://a.b/c.png)", "https://a.b/c.png"),
    ("a picture in a link", "[![кіт](https://a.b/c.png)](https://d.e)", "<a https://d.e>кіт</a>"),
    ("a reference stays as written", "[а][1]\n\n[1]: https://a.b", "[а][1]\n\n[1]: https://a.b"),
    ("brackets stay", "[sic] та [x](не посилання)", "[sic] та [x](не посилання)"),
    // Headings, rules, quotes.
    ("a heading", "# Назва\nтекст", "<b>Назва</b>\nтекст"),
    ("a heading with bold in it", "## **Ш** *і*\n\nтекст", "<b>Ш <i>і</i></b>\n\nтекст"),
    ("a heading between lines", "раз\n### Два\nтри", "раз\n<b>Два</b>\nтри"),
    ("an underlined heading", "Назва\n===\nтекст", "<b>Назва</b>\nтекст"),
    ("a rule", "раз\n\n---\n\nдва", "раз\n\n———\n\nдва"),
    ("a rule right under a text is no heading", "раз\n---\nдва", "раз\n———\nдва"),
    ("a quote", "> цитата\n> друга\n\nтекст", "<quote>цитата\nдруга</quote>\n\nтекст"),
    ("a quote with paragraphs", "> а\n>\n> **б**", "<quote>а\n\n<b>б</b></quote>"),
    ("a quote in a quote", "> а\n> > б\n> > в", "<quote>а\n> б\n> в</quote>"),
    ("code in a quote", "> так:\n> ```\n>   x\n> y\n> ```", "<quote>так:\n<pre>  x\ny</pre></quote>"),
    ("a quote of indented code", "> ```\n>   x\n> ```", "<quote><pre>  x</pre></quote>"),
    ("a list in a quote", "> - а\n> - б", "<quote>• а\n• б</quote>"),
    // Lists.
    ("a list", "Ось:\n- раз\n- **два**\n* три", "Ось:\n• раз\n• <b>два</b>\n• три"),
    ("a loose list", "- раз\n\n- два", "• раз\n\n• два"),
    ("a numbered list", "1. раз\n2. два\n10. три", "1. раз\n2. два\n10. три"),
    ("numbers as written", "3) раз\n2) два\n1) три", "3) раз\n2) два\n1) три"),
    ("equal numbers count", "1. раз\n1. два\n1. три", "1. раз\n2. два\n3. три"),
    ("a year at the start", "2026. Рік мав бути тихим", "2026. Рік мав бути тихим"),
    ("nested lists", "- а\n  - б\n    - в\n- г", "• а\n    • б\n        • в\n• г"),
    ("a list in numbers", "1. а\n   - б\n   - в\n2. г", "1. а\n    • б\n    • в\n2. г"),
    ("paragraphs in an item", "1. а\n\n   ще\n2. б", "1. а\n\n    ще\n2. б"),
    ("lines in an item", "- а\n  ще\n- б", "• а\n    ще\n• б"),
    ("a task list", "- [x] зроблено\n- [ ] ні", "☑ зроблено\n☐ ні"),
    ("text after a list", "- а\n\nтекст", "• а\n\nтекст"),
    ("bullets of one's own", "• а\n  • б", "• а\n  • б"),
    // Tables.
    (
        "a narrow table is aligned",
        "| Місто | Людей |\n|---|---:|\n| Київ | 3 |\n| **Львів** | 10 |",
        "<pre>Місто  Людей\n────────────\nКиїв       3\nЛьвів     10</pre>",
    ),
    (
        "a wide table is lines",
        "|Назва|Що це таке насправді|\n|---|---|\n|Гряг|Той, хто *дуже* багато говорить|\n|Б||\n||в|",
        "Назва: <b>Гряг</b>\nЩо це таке насправді: Той, хто <i>дуже</i> багато говорить\n\nНазва: <b>Б</b>\n\nЩо це таке насправді: в",
    ),
    ("a table with links is lines", "|а|б|\n|-|-|\n|[тут](https://a.b)|2|", "а: <a https://a.b>тут</a>\nб: 2"),
    (
        "cells too many are kept",
        "|а|б|\n|-|-|\n|1|2|зайве|і ще|",
        "<pre>а  б\n─────────────────\n1  2 | зайве|і ще</pre>",
    ),
    ("a line under a table is no row", "|а|б|\n|-|-|\n|1|2|\nтекст", "<pre>а  б\n────\n1  2</pre>\nтекст"),
    ("bars without a table stay", "| а | б |", "| а | б |"),
    // What is left of nothing.
    ("only marks are shown", "**", "**"),
    ("an inert link without a label is shown", "[](javascript:x)", "[](javascript:x)"),
];

#[test]
fn every_example_looks_as_it_should() {
    let mut wrong = Vec::new();
    for (claim, source, expected) in EXAMPLES {
        let parts = render(source);
        let shown: Vec<String> = parts.iter().map(show).collect();
        if shown != [*expected] {
            wrong.push(format!("{claim}:\n  source   {source:?}\n  expected {expected:?}\n  got      {shown:?}"));
        }
        for part in &parts {
            if let Err(reason) = check(part, PART_MAX) {
                wrong.push(format!("{claim}: {reason}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), EXAMPLES.len(), wrong.join("\n"));
}

#[test]
fn a_blank_text_has_no_parts() {
    for blank in ["", " \n\t", "\u{200b}\u{feff}", "\u{3164}"] {
        assert!(render(blank).is_empty(), "{blank:?}");
    }
}
