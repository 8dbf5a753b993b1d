# The program's own words in English; see uk.ftl.


## Time

moment =
    { $weekday ->
        [1] Monday
        [2] Tuesday
        [3] Wednesday
        [4] Thursday
        [5] Friday
        [6] Saturday
       *[7] Sunday
    }, { date }, { $time }

date =
    { $day } { $month ->
        [1] January
        [2] February
        [3] March
        [4] April
        [5] May
        [6] June
        [7] July
        [8] August
        [9] September
        [10] October
        [11] November
       *[12] December
    } { $year }

duration-hours =
    { $hours } { $hours ->
        [one] hour
       *[other] hours
    }

duration-minutes =
    { $minutes } { $minutes ->
        [one] minute
       *[other] minutes
    }

duration-hours-minutes = { duration-hours } { duration-minutes }


## What the model is shown

# Inside a speaker's label.
prompt-no-name = no name
prompt-bot = bot
prompt-anonymous-admin = anonymous admin
prompt-channel = channel

# After a label.
prompt-reply = (replies to { $whom })
prompt-reply-to-words = (replies to { $whom } on «{ $words }»)
prompt-reply-you = you
prompt-reply-old = an old message
prompt-forwarded = (forwarded from { $source })

# The changing end of a prompt.
prompt-earlier = (earlier) { $who }: { $words }
prompt-you = you
prompt-now = (now { $moment })
prompt-whom =
    ({ $whom } { $count ->
        [one] speaks
       *[other] speak
    } to you; give one answer)
prompt-shown = (here is <{ $what }> by { $whose })
prompt-language = (the language of this chat is English: answer in English)

# Instead of what cannot be shown.
media-photo = photo
media-sticker = sticker
media-voice = voice message
media-video = video
media-video-note = round video
media-animation = GIF
media-audio = audio
media-document = file
media-poll = poll
media-location = place on the map
media-contact = contact
media-dice = dice
media-story = story
media-other = attachment
