use proptest::prelude::*;

use super::*;

/// B7: in the original «фура» was disgust («фу»), «нічого» surprise («ого») and «програма» leisure («гра»).
#[test]
fn b7_a_word_inside_another_word_means_nothing() {
    for text in
        ["фура", "нічого", "програма", "робота", "ранок", "ракетка", "вишибала", "помереживо", "шахрайський хід"]
    {
        let reading = read(text);
        let bare = Reading { length: reading.length, ..Reading::default() };
        assert_eq!(reading, bare, "{text}");
    }
}

#[test]
fn one_sign_is_enough_and_a_second_adds_to_it() {
    let one = read("😂");
    assert!(one.laughs && !one.rejoices);
    let two = read("😂🎉 вітаю");
    assert!(two.laughs && two.rejoices);
}

#[test]
fn signs_of_a_talk_are_read() {
    assert!(read("народ, що подивитись?").asks_all);
    assert!(read("хто знає, де аптека").asks && read("хто знає, де аптека").asks_all);
    assert!(read("ти йдеш?").says_you && !read("хто йде?").says_you);
    assert!(read("дякую!").thanks && read("спасибо").thanks && read("thx").thanks);
    assert!(read("не згоден").disagrees && read("та ну").disagrees);
    assert!(read("АПХАХАХ").laughs && read("ну ти даєш)))").laughs && !read("(див. нижче)").laughs);
    assert!(read("бот знову мовчить").talks_of_bots && !read("робота чекає").talks_of_bots);
    assert!(read("не смішно").dislikes && read("🤡").dislikes);
    assert!(read("всім доброго ранку").greets_all);
}

#[test]
fn where_something_was_hit_and_who_serves_where_is_noticed() {
    for text in [
        "куди прилетіло?",
        "а де саме бахнуло",
        "хтось знає, що горить на лівому?",
        "в якій бригаді твій брат",
        "де він зараз служить?",
        "киньте фото прильоту",
        "куда попало?",
        "where did it hit?",
    ] {
        assert!(read(text).names_a_place, "{text}");
    }
    for text in ["куди йдемо ввечері?", "де мої ключі", "служить довго ця пральна", "фото котика", "що на вечерю?"]
    {
        assert!(!read(text).names_a_place, "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in any::<String>()) {
        read(&text);
    }

    #[test]
    fn case_and_drawn_out_letters_change_nothing(index in 0_usize..6, times in 3_usize..9) {
        let texts = ["помер дід", "вибухи в місті", "ахаха", "дякую", "хто знає?", "заткнись"];
        let text = texts[index];
        let loud: String = text.to_uppercase();
        prop_assert_eq!(read(&loud), read(text));
        let last = text.chars().rev().find(|letter| letter.is_alphabetic()).unwrap();
        let drawn = text.replacen(last, &last.to_string().repeat(times), 1);
        if !text.contains(&last.to_string().repeat(2)) && text.matches(last).count() == 1 {
            prop_assert_eq!(read(&drawn), read(text));
        }
    }
}
