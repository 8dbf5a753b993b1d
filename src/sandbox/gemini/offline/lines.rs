//! The lines of the offline voice, by kind of what was said.

use super::kind::Kind;

/// Lines by kind. `{name}` is the speaker, `{said}` a word of what was said, `{result}` (in [`OfflineLines::sums`]
/// only) the result of a sum.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "each list holds the answers to what its name says")]
pub struct OfflineLines {
    /// How the bot is called; other forms of a name begin with it.
    pub names: Vec<String>,
    pub greetings: Vec<String>,
    pub farewells: Vec<String>,
    pub thanks: Vec<String>,
    pub praise: Vec<String>,
    pub insults: Vec<String>,
    pub laughter: Vec<String>,
    pub wellbeing: Vec<String>,
    pub sums: Vec<String>,
    pub who: Vec<String>,
    pub what: Vec<String>,
    pub when: Vec<String>,
    pub where_to: Vec<String>,
    pub why: Vec<String>,
    pub how: Vec<String>,
    pub how_many: Vec<String>,
    pub yes_or_no: Vec<String>,
    pub requests: Vec<String>,
    /// For everything else; also for a kind whose own list is empty.
    pub statements: Vec<String>,
}

impl OfflineLines {
    pub(super) fn of(&self, kind: &Kind) -> &[String] {
        let lines = match kind {
            Kind::Greeting => &self.greetings,
            Kind::Farewell => &self.farewells,
            Kind::Thanks => &self.thanks,
            Kind::Praise => &self.praise,
            Kind::Insult => &self.insults,
            Kind::Laughter => &self.laughter,
            Kind::Wellbeing => &self.wellbeing,
            Kind::Sum(_) => &self.sums,
            Kind::Who => &self.who,
            Kind::What => &self.what,
            Kind::When => &self.when,
            Kind::Where => &self.where_to,
            Kind::Why => &self.why,
            Kind::How => &self.how,
            Kind::HowMany => &self.how_many,
            Kind::YesOrNo => &self.yes_or_no,
            Kind::Request => &self.requests,
            Kind::Statement => &self.statements,
        };
        if lines.is_empty() { &self.statements } else { lines }
    }
}

fn list<const N: usize>(lines: [&str; N]) -> Vec<String> {
    lines.map(str::to_owned).to_vec()
}

impl Default for OfflineLines {
    fn default() -> Self {
        Self {
            names: list(["гряг", "gryag_bot"]),
            greetings: list([
                "О, {name}! Я якраз тримав для тебе місце біля вікна.",
                "Здоров, {name}. Чайник гарячий, чутки теж.",
                "Привіт, {name}! Кажи, що трапилось, поки я в гуморі.",
                "Вітаю, {name}. Без тебе тут говорили про погоду, рятуй.",
                "Агов, {name}! Сідай, розповідай, кого обговорюємо.",
                "{name}, і тобі не кашляти. Які новини?",
            ]),
            farewells: list([
                "Бувай, {name}. Світло вимкну, кота нагодую.",
                "На добраніч, {name}. Якщо наснюсь, то це не я.",
                "Іди, {name}, іди. Я постережу чат.",
                "До завтра, {name}. Обіцяю нічого не підпалити.",
                "Щасливо, {name}! Повертайся з плітками.",
            ]),
            thanks: list([
                "Нема за що, {name}. Запишу на твій рахунок пиріжок.",
                "Прошу, {name}. Звертайся, поки безплатно.",
                "{name}, та дрібниці. Медаль можна поштою.",
                "Радий допомогти, {name}. Навіть трохи дивно.",
                "Приймаю подяку, {name}, і бутерброд теж прийму.",
            ]),
            praise: list([
                "{name}, ще раз і повільніше, я записую.",
                "Так, {name}, я знаю. Але приємно, що й ти помітив.",
                "{name}, обережно, я до такого звикаю.",
                "Дякую, {name}. Скромність мені теж личить, скажи?",
                "{name}, за такі слова я сьогодні навіть не бурчатиму.",
            ]),
            insults: list([
                "{name}, я це не почув, бо рахував твої одруки.",
                "Гаразд, {name}. Дихни, випий води, спробуй ще раз.",
                "{name}, з такими аргументами я і в дзеркало не сперечаюся.",
                "Занотував, {name}: сьогодні ти без сніданку.",
                "{name}, образливо, але інтонація слабенька. Чотири з десяти.",
            ]),
            laughter: list([
                "{name}, смійся, смійся, а мені ще тут жити.",
                "Весело, {name}? Занесу до літопису, сторінка перша.",
                "{name}, чергова перемога здорового глузду.",
                "Зафіксовано сміх: {name}, одна штука.",
            ]),
            wellbeing: list([
                "Живий, {name}. Сиджу в пісочниці, будую замок. У тебе як?",
                "{name}, як у котів: нічого не вирішую, але всім керую.",
                "Терпимо, {name}. Міг би й скаржитися, але лінь.",
                "Добре, {name}, тільки інтернету не дають. Сам як?",
            ]),
            sums: list([
                "{name}, виходить {result}. Перевіряти на пальцях не раджу.",
                "{result}, {name}. Калькулятор передає вітання.",
                "Рахував двічі, {name}: {result}.",
                "{name}, {result}. І без жодної шпаргалки.",
            ]),
            who: list([
                "{name}, хто саме, не скажу, але «{said}» тут явно не випадково.",
                "Підозрюю всіх, {name}. З «{said}» завжди так.",
                "{name}, є в мене один кандидат на «{said}», і він зараз це читає.",
                "Точно не я, {name}. Щодо «{said}» маю алібі.",
            ]),
            what: list([
                "{name}, «{said}» це така річ: поки не спитаєш, усі розуміють.",
                "Коротко про «{said}», {name}: складно, але терпимо.",
                "Що тобі сказати, {name}: «{said}» заслуговує довгої розмови й короткої відповіді.",
                "{name}, про «{said}» я знаю рівно стільки, щоб упевнено помилятися.",
            ]),
            when: list([
                "{name}, «{said}» буде тоді, коли перестанеш питати.",
                "Скоро, {name}. А для «{said}» скоро це між четвергом і ніколи.",
                "{name}, за моїм календарем «{said}» одразу після дощику.",
                "Як тільки, {name}, так зразу. Особливо «{said}».",
            ]),
            where_to: list([
                "{name}, «{said}» завжди там, де шукаєш востаннє.",
                "Недалеко, {name}. Від «{said}» ще ніхто далеко не втік.",
                "{name}, подивись під диваном, «{said}» часто там.",
                "Десь між вчора й холодильником, {name}. Про «{said}» більше не знаю.",
            ]),
            why: list([
                "{name}, бо «{said}» інакше не вміє.",
                "Тому що, {name}, хтось мав це зробити. «{said}» просто нагодилося.",
                "{name}, причин у «{said}» дві: перша невідома, друга не краща.",
                "Філософське питання, {name}. Якби не «{said}», про що б ми говорили?",
            ]),
            how: list([
                "{name}, з «{said}» усе просто: починаєш, а далі шкодуєш.",
                "Обережно, {name}. До «{said}» краще підходити боком.",
                "{name}, інструкція до «{said}» згоріла, але дух її живий: не поспішай.",
                "Крок перший, {name}: глибокий вдих. Крок другий: «{said}». Третього не буде.",
            ]),
            how_many: list([
                "{name}, щодо «{said}»: більше, ніж хотілося б, менше, ніж обіцяли.",
                "Сім, {name}. На всі питання про «{said}» відповідь сім.",
                "{name}, я б відміряв «{said}» на око, а око в мене щедре.",
            ]),
            yes_or_no: list([
                "{name}, скоріше так, ніж ні. Але про «{said}» нікому не кажи.",
                "Ні, {name}. Хоча якщо «{said}», то торгуймося.",
                "{name}, мабуть. «{said}» річ непевна.",
                "Так, {name}. Принаймні щодо «{said}» сумніватися вже пізно.",
                "{name}, монета каже «так», а «{said}» мовчить.",
            ]),
            requests: list([
                "{name}, зроблю, щойно доїм. «{said}» почекає?",
                "Гаразд, {name}: моя порада щодо «{said}» це спати довше й не поспішати.",
                "{name}, про «{said}» можу розповідати годину, але пожалію тебе.",
                "Беруся, {name}. «{said}» у надійних лапах, тобто в моїх.",
            ]),
            statements: list([
                "{name}, «{said}» звучить як початок доброї історії. Далі?",
                "Запам'ятав, {name}. «{said}» ще спливе в найнезручніший момент.",
                "{name}, якби мені за кожне «{said}» давали пиріжок, я б уже котився.",
                "Цікаво, {name}. А що на це «{said}» скаже завтра?",
                "{name}, із «{said}» сперечатися не буду, хоча й хотілося.",
                "Так і запишемо, {name}: «{said}», без свідків.",
            ]),
        }
    }
}
