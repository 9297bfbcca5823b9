/*
 * gen_plots_kind_tables.c: plots: gifts, sharing, new friends. gen_story.h explains slots and
 * marks.
 */
#include "train/gen_story.h"

/* clang-format off */
static const weir_story_plot plots[] = {
    {
        .name = "soup_for_all",
        .flags = WEIR_STORY_FRIENDS,
        .about = "[sharing"
            "|sharing a meal"
            "|a big pot of soup]",
        .who = "[who shares a meal"
            "|who cooks soup for everybody"
            "|who makes soup out of nothing]",
        .title = "[Soup for All"
            "|The Big Soup"
            "|{h.T} Makes Soup]",
        .brief =
            "{h.first} had only water and a stone, but {he} began to cook soup. {F.intro} brought "
            "carrots, and others brought more. In the end there was soup for everyone, and it was "
            "the best in the world.",
        .beats = {
            "[It was a hungry year, and {h} had nothing left but a big pot. \"Then I will cook "
            "stone soup,\" {he} said. {He} put water in the pot, and one round stone."
            "|{oneday}, {h} looked into the cupboard. There was nothing in it but a button. "
            "\"Then I will make button soup,\" {he} said, and put the big pot on the fire."
            "|When winter came, there was little to eat. {H} had a pot and a spoon, and that was "
            "all. {He} filled the pot with snow, put in a smooth stone, and began to stir."
            "|Everyone was hungry, and everyone sat behind a closed door. {H} took {his} pot, "
            "carried it out into the middle of the road, and lit a fire under it. \"Today there "
            "is nail soup,\" {he} called, and dropped in a rusty nail.]",
            "[{F.intro} came by. \"What are you cooking?\" {f.he} {asked}. \"Soup,\" said {h}. "
            "\"It is almost perfect. Only a carrot is missing.\" \"I have a carrot,\" said {f}. "
            "\"Just one.\" And in it went."
            "|\"Soup?\" said {f.intro}, who had smelled the smoke. {F.he} looked into the pot. "
            "\"There is nothing in it.\" \"Not yet,\" said {h}. \"It would be very good with a "
            "potato.\" {F} scratched {f.his} head and went to get one."
            "|The first one to open the door was {f.intro}. \"Nail soup?\" {f.he} said. \"I have "
            "never heard of that.\" \"It is an old recipe,\" said {h}. \"With one onion it would "
            "be fit for a king.\" {F} had an onion hidden under the bed.]",
            "[Then others came along. One had an onion, one had a turnip, and one had salt in a "
            "twist of paper. Everything went into the pot."
            "|Soon there was a long line in front of the door. Everyone put something in, a bean, "
            "a leek, a handful of peas."
            "|\"I only have half a cabbage,\" said somebody. \"Half a cabbage is just what we "
            "need,\" said {h}, and stirred."
            "|One brought beans in a hat. One brought a bone that was too big for the pot. A very "
            "old lady brought three leaves of parsley, and she was given a chair.]",
            "-"
            "[The soup bubbled and hummed. {H} tasted it. \"A little more pepper,\" {he} said, "
            "and somebody sneezed and gave {him} some."
            "|The children were allowed to stir. It was hard work, because by now the pot was "
            "full to the brim."
            "|\"Is it ready?\" they asked. \"Soup has to think for a while,\" said {h}, and put "
            "the lid on.]",
            "[It smelled so good that even the birds came closer. They sat down together and ate "
            "until the pot was empty."
            "|At last it was ready. There were big bowls and small bowls, and each of them was "
            "filled. It was quiet for a while, because everyone was eating."
            "|Then {h} banged on the pot with the spoon. Everyone came with a bowl, and those who "
            "had no bowl came with a cup. It was thick and hot and tasted of everything.]",
            "[\"Who would have thought that one can make such soup from nothing?\" said {f}. "
            "\"Not from nothing,\" said {h}. \"From everybody.\""
            "|When they had finished, {h} fished out the stone and washed it. \"It is still "
            "good,\" {he} said. \"We can use it again tomorrow.\""
            "|That evening nobody went home hungry. And {h} was {feel.happy}, because a table is "
            "nicest when every chair is taken."
            "|\"And what do you do with the nail?\" asked {f}. \"I keep it,\" said {h}. \"With a "
            "nail like that, nobody has to be hungry.\"]",
        },
    },
    {
        .name = "two_presents",
        .flags = WEIR_STORY_FRIENDS,
        .about = "[presents"
            "|giving presents"
            "|a present for a friend]",
        .who = "[who looks for a present for a friend"
            "|who gives away something dear]",
        .title = "[Two Presents"
            "|{h.T} Gives a Present"
            "|The Best Present]",
        .brief =
            "{h.first} gave away {his} {o.n} to buy a present for {f.intro}. But {f} had given "
            "away something dear, too, to buy a present for {h}. They laughed until they cried, "
            "because each of them had the best friend in the world.",
        .beats = {
            "{!has h o}",
            "[Tomorrow was the birthday of {f.intro}, and it was also {h.n}'s birthday. They were "
            "born on the same day. But {h} had no money for a present."
            "|It was the evening before the winter feast. {H} wanted to give {his} friend {f.n} "
            "the {f.k} something wonderful. But all {he} owned was {o.a}."
            "|{h} and {f.intro} had a rule. Once a year they gave each other a present, the best "
            "one they could find. But this year both of them were so poor that they had only one "
            "coin.]",
            "[{h} knew what {f} wished for: a box for {f.his} buttons. {F} loved {f.his} buttons. "
            "{H} looked at {o.his}. {He} loved it, too. But {he} loved {f} more."
            "|{f} collected buttons, hundreds of them, in an old sock. \"A fine wooden box would "
            "make {f.him} happy,\" thought {h}."
            "|\"{F} needs a box,\" thought {h}, \"a real one with a lock, for all those lovely "
            "buttons.\" {He} counted {his} money. It was not even enough for the lock.]",
            "[So {he} took {o} to the market. It was not easy to let it go. But {he} came home "
            "with a beautiful little box for buttons."
            "|{h} went to {e.intro}, who had such a box. \"What will you give me for it?\" asked "
            "{e}. {H} held out {o.his}. {E} nodded, and that was that."
            "|{h} stood in front of the shop for a long time. Then {he} went in, and when {he} "
            "came out again, {he} had a box under {his} arm, and {o} was lying in the shop "
            "window.]",
            "{!lose h o}",
            "[{nextday}, they met. \"You first,\" said {f}. \"No, you,\" said {h}. So they did it "
            "at the same time."
            "|{H} could not sleep that night. {nextday}, {he} ran to {f.n}'s house with the "
            "present behind {his} back. \"Close your eyes!\" {he} said."
            "|They met at the old bench, as they did every year. Each of them had something under "
            "a cloth. \"One, two, three,\" they counted, and pulled the cloths away.]",
            "[{f} unwrapped the box and turned very quiet. \"I sold my buttons,\" {f.he} said at "
            "last, \"to buy this for you.\" In {f.his} hand lay a little bag, made just for "
            "{h.n}'s {o.n}. \"I gave it away,\" said {h}, \"to buy the box.\""
            "|{F} looked at the box and did not know if {f.he} should laugh or cry. \"My buttons "
            "are gone,\" {f.he} said. \"I gave them away for your present.\" And {f} pulled out a "
            "silk cloth. \"It is for your {o.n}.\" \"Oh,\" said {h}. \"That is gone, too.\""
            "|Nobody spoke. {F} looked at the box. {H} looked at the little bag, which was made "
            "of red silk. \"Where are your buttons?\" asked {h}. \"Where is your {o.n}?\" asked "
            "{f}. And then they both knew.]",
            "[They looked at each other. Then they laughed until their tummies hurt. An empty "
            "box, and a cover for nothing! There had never been such silly presents, and there "
            "had never been better ones."
            "|So now there was a box without buttons, and there was nothing to put in the other. "
            "But each of them knew how much the other cared. And the next spring they began a new "
            "collection together, and they kept it in the box."
            "|\"We are two fools,\" said {f}, and put {f.his} arm around {h}. \"Yes,\" said {h}, "
            "\"but two very rich ones.\" They kept the empty box and the empty bag for the rest "
            "of their lives.]",
        },
    },
    {
        .name = "shy_newcomer",
        .flags = WEIR_STORY_FRIENDS,
        .about = "[a new friend"
            "|somebody new"
            "|making friends]",
        .who = "[who makes a new friend"
            "|who meets somebody new"
            "|who makes friends with a stranger]",
        .title = "[A New Friend"
            "|{h.T} and {f.T}"
            "|The New One]",
        .brief =
            "{f.intro} was new and sat alone under a tree. {H.first} asked {f.him} to play, and "
            "at first {f.he} only shook {f.his} head. But {h} came back every day, and on the "
            "third day they played together.",
        .beats = {
            "[{oneday}, {h} saw somebody new {p.in}. It was {f.intro}. {F.he} sat all alone "
            "{p.spot} and drew circles in the dust."
            "|{oneday}, {f.intro} came to live near {h.n}. Nobody knew {f.him}. {F.he} did not "
            "speak, and {f.he} did not smile."
            "|The others were playing {p.in}. Only one sat apart, {p.spot}. It was {f.intro}, and "
            "it was {f.his} first day here."
            "|A wagon had come in the night, and in the morning there was a new face {p.in}. It "
            "belonged to {f.intro}, who sat {p.spot} and watched the others play.]",
            "[\"Leave {f.him} alone,\" said the others. \"{F.he} does not want to play.\" But {h} "
            "thought that {f.n} looked sad. {He} walked over. \"Hello,\" said {h}. {F} looked at "
            "the ground."
            "|{h} went up to {f.him}. \"Do you want to play with us?\" {he} asked. {F} shook "
            "{f.his} head and moved a little farther away."
            "|\"Are you new here?\" asked {h}. There was no answer. \"I was only asking,\" said "
            "{h}. {F} pulled {f.his} cap down over {f.his} eyes.]",
            "[{h} did not know what to say next. So {he} sat down, too, not too near and not too "
            "far, and drew a square next to the circles. That was all that happened on the first "
            "day."
            "|\"All right,\" said {h}, \"then I will just sit here for a while.\" They sat there "
            "and watched the ants. Neither of them said a word."
            "|So {h} did something else. {He} built a little tower of stones, close to {f}. When "
            "{he} went home in the evening, there was one more stone on top of it.]",
            "[The next day {h} brought some {h.food} and put half of it between them. When {he} "
            "looked again, it was gone. \"Was it good?\" asked {h}. {F} nodded."
            "|On the second day {h} told a joke. It was not a very good joke. But one corner of "
            "{f.n}'s mouth went up, just a little."
            "|The next day {he} brought two apples and put one of them on the tower. Then {he} "
            "turned around and counted to fifty. When {he} looked again, there was only the core.]",
            "-"
            "[That night {h} thought about what it must be like to be new, when every face is a "
            "strange face. \"Tomorrow I will try again,\" {he} said."
            "|\"You are wasting your time,\" said the others. \"I have enough of it,\" said {h}."
            "|\"Why does it take so long?\" somebody asked. \"Good things do,\" said {h}.]",
            "[On the third day {f} was already waiting. \"My name is {f.n},\" {f.he} said very "
            "softly. \"I can [whistle with two fingers|walk on my hands|find water|make boats out "
            "of leaves]. Do you want to see it?\""
            "|On the third day {h} was late, and when {he} came, somebody had drawn two figures "
            "in the dust. They were holding hands. \"That is you,\" said {f}, \"and that is me.\""
            "|On the third day the tower had grown. It had a gate and a flag. \"I made that,\" "
            "said a quiet voice behind {him}. \"I am {f.n}. I like towers.\"]",
            "[{f} could do all kinds of things. Soon the others came closer to see. And before "
            "the evening bell rang, {f} was laughing louder than all of them."
            "|\"Why did you keep coming back?\" asked {f} later. \"Because I wanted to know what "
            "the circles were,\" said {h}. \"They were holes,\" said {f}, \"and you filled them "
            "up.\""
            "|From then on, whenever somebody new came, {h} and {f} both went over and sat down, "
            "not too near and not too far."
            "|They built until the sun went down. It became a whole town, with streets and "
            "bridges. And in the biggest house, {f} said, lived two friends.]",
        },
    },
    {
        .name = "mended_toy",
        .flags = WEIR_STORY_FRIENDS,
        .object = WEIR_STORY_TOY | WEIR_STORY_FRAIL,
        .about = "[a broken {o.n}"
            "|a broken toy"
            "|mending something broken]",
        .who = "[whose {o.n} breaks"
            "|who breaks {his} {o.n}"
            "|who mends something broken]",
        .title = "[The Broken {o.T}"
            "|{h.T} and the Broken {o.T}"
            "|As Good as New]",
        .brief =
            "{h.first} was very sad because {his} {o.n} was broken. {F.intro} sat down with "
            "{him}, and together they mended it. Now it had a scar, and {h} loved it even more.",
        .beats = {
            "{!has h o}",
            "[{h} had {o.a}. It was {his} favorite toy, and {he} {o.ved} it from morning till "
            "night."
            "|More than anything {h} loved {his} {o.adj} {o.n}. {He} even took it to the bathtub."
            "|There was nothing {h} liked better than {o.ving} {his} {o.n}. It was {o.adj}, and "
            "it was the best one in the world."
            "|Wherever {h} went, {he} took {o.a} along. It had been a present, and it was the "
            "best present that {he} had ever been given.]",
            "{!break o}",
            "[{oneday}, {he} {h.ran} down the path, tripped, and fell. {He} was not hurt. But {o} "
            "{o.broke}."
            "|But {oneday}, {o} fell from the table. There was an ugly sound, and it {o.broke}."
            "|{oneday}, {h} left {o} outside in the [rain|storm]. When {he} found it, it was a "
            "sorry sight. It {o.broke} in the night."
            "|{he} only wanted to see how high {o} could go. It went very high. Then it came down "
            "again, and it {o.broke}.]",
            "[\"It is broken!\" sobbed {h}. {He} held {o} in {his} arms, and big tears ran down "
            "{his} cheeks."
            "|{h} could not speak. {He} looked at {o} and {look.sad}. \"It will never be the same "
            "again,\" {he} said."
            "|{h} did not cry at first. {He} only stood there and looked. Then {his} chin began "
            "to tremble, and the tears came all by themselves.]",
            "[{F.intro} heard {him} crying and came over. \"Let me see,\" said {f}. {F.he} turned "
            "{o} this way and that way. \"Hmm,\" {f.he} said. \"I think we can mend it.\""
            "|\"You can buy a new one,\" said a passing crow. \"I do not want a new one,\" said "
            "{h}. Then {f.intro} came along. \"A new one? Nonsense,\" said {f}. \"We will fix "
            "this one.\""
            "|\"Oh dear,\" said {f.intro}, who had a big heart and a small toolbox. \"Do you know "
            "what I do when something breaks? First I have a good cry. And then I get the glue.\"]",
            "[They sat down at the table. {H} held {o} very still, and {f} [hummed a tune|put on "
            "{f.his} glasses|rolled up {f.his} sleeves]. Carefully they {o.mended}."
            "|{F} fetched {f.his} box of tools. {H} was allowed to help. They worked all "
            "afternoon, and at last they {o.mended}."
            "|It took a while, and once they had to begin all over again. {F} showed {h} where to "
            "hold it. In the end they {o.mended}, and both of them breathed out.]",
            "{!mend o}",
            "[\"There,\" said {f}. You could still see where it had been broken. \"That is its "
            "scar,\" said {f}. \"Now it has a story to tell.\" {H} was {feel.happy}."
            "|{h} tried it at once. It worked! It was almost as good as new, and {he} hugged {o} "
            "and {f} at the same time."
            "|\"It looks different now,\" said {h}. \"So do you,\" said {f}. \"You were crying "
            "before.\" And {h} was {feel.happy}.]",
            "[That evening {h} {o.ved} {o} again. And the place where it had been mended was the "
            "place {he} liked best."
            "|\"How can I thank you?\" asked {h}. \"Teach me how to {o.v} it,\" said {f}. And so "
            "{h} did."
            "|And since then, when something breaks, {h} does not cry for long. {He} gets the box "
            "of tools."
            "|Something that has been mended is stronger than before, {f} always says. {H} thinks "
            "that it is true for toys, and for friends as well.]",
        },
    },
    {
        .name = "warm_coat",
        .flags = WEIR_STORY_CLOSED,
        .object = WEIR_STORY_WEAR,
        .weather = WEIR_STORY_SNOW,
        .about = "[a cold winter"
            "|giving something warm away"
            "|somebody who is cold]",
        .who = "[who gives away {his} {o.n}"
            "|who helps somebody in the cold]",
        .title = "[The Warm {o.T}"
            "|{h.T} and the Cold Winter"
            "|A Gift in the Snow]",
        .brief =
            "In the middle of winter, {h.first} met {f.intro}, who was shaking with cold. {H} "
            "gave {f.him} {his} own {o.n}. When {he} came home without it, friends had left a new "
            "one at {his} door.",
        .beats = {
            "{!has h o}",
            "[It was the coldest day of the year. {w.line} But {h} was warm, for {he} had {o.a}. "
            "{His} grandmother had made it."
            "|That winter {h} got {o.a}. It was so warm that {he} went out into the snow and "
            "laughed at the frost."
            "|Everybody was freezing that winter. Only {h} was not, because {he} had got {o.a} "
            "from {his} aunt. {He} wore it even in bed.]",
            "[On the way through the snow {he} met {f.intro}. {F.his} teeth were chattering, and "
            "{f.his} nose was blue. \"Are you cold?\" asked {h}. \"A l-l-little,\" said {f}."
            "|At the corner sat {f.intro}. {F.he} had nothing warm to wear, and snow lay on "
            "{f.his} head. \"I am waiting for spring,\" said {f}. \"But it is taking a long "
            "time.\""
            "|By the frozen well {he} saw somebody hopping from one foot to the other. It was "
            "{f.intro}. \"If I stand still, I freeze to the ground,\" said {f}, and tried to "
            "laugh.]",
            "[{h} looked at {o}. {He} looked at {f}. It was a long way home, and the wind was "
            "sharp. But at home there was a stove, and {f} had none."
            "|\"If I keep it, only I am warm,\" thought {h}. \"If I give it away, I will be cold "
            "for just one hour.\""
            "|{h} put {his} hands in {his} pockets. It was so nice and warm there. {He} looked at "
            "{f.n}'s blue fingers, and all at once it was not so nice any more.]",
            "{!give h f o}",
            "[{he} took off {o} and gave it to {f}. \"Here,\" said {h}. \"It is yours now.\" {F} "
            "put it on and closed {f.his} eyes. \"It is like a summer day,\" {f.he} said."
            "|\"Take it,\" said {h}. \"But then you will be cold!\" said {f}. \"I will run,\" "
            "said {h}, \"and running makes you warm.\""
            "|\"Hold out your arms,\" said {h}, and wrapped {f} up in {o}. It was a little too "
            "big, or a little too small, but that did not matter. {F} stopped shaking.]",
            "[{h} ran all the way home. The wind pinched {his} {h.body}, but in {his} chest there "
            "was something that glowed like a little stove."
            "|The way home was white and long. {H} ran and hopped and sang against the wind. {He} "
            "had never been so cold and so cheerful."
            "|Then {he} ran. The frost bit {him} in the nose, but {he} laughed at it. \"You "
            "cannot bite what is inside,\" said {h}.]",
            "[At home {he} sat by the fire and thawed {his} toes. Then there was a knock. Nobody "
            "was there. But on the step lay a parcel, and in the parcel was something soft and "
            "new and just {his} size. The whole street had put money together."
            "|\"Where is your {o.n}?\" everybody asked. {H} told them. They said nothing. But the "
            "next morning a packet lay in front of {his} door, and on it was written: \"For the "
            "one who keeps others warm.\""
            "|When {he} woke up the next morning, something was hanging on the door handle. It "
            "was just as warm as the old one. Who had put it there? There were many footprints in "
            "the snow.]",
            "[And when spring came, {f} stood at the door with a bunch of flowers. \"I wanted to "
            "say thank you,\" {f.he} said, \"now that my fingers can hold something again.\""
            "|And whenever {h} saw {f} in the snow, with {o} on, {he} felt warm all over."
            "|{F} never forgot it. And when {f.he} grew up, {f.he} knitted for anyone who was "
            "cold.]",
        },
    },
    {
        .name = "surprise_party",
        .flags = WEIR_STORY_FRIENDS,
        .about = "[a birthday"
            "|a surprise party"
            "|a forgotten birthday]",
        .who = "[who thinks that everybody has forgotten {his} birthday"
            "|who has a birthday]",
        .title = "[The Birthday"
            "|Did Everyone Forget?"
            "|{h.T} Has a Birthday]",
        .brief =
            "It was the birthday of {h.first}, and nobody seemed to remember it. {He} went home "
            "sadly, but there {f.intro} and all the others jumped out from behind the sofa. There "
            "was a cake as big as a wheel, and {h} was {feel.happy}.",
        .beats = {
            "[{oneday}, {h} woke up very early, for it was {his} birthday. {He} combed {his} "
            "hair, put on a clean collar, and waited. Nobody came."
            "|It was {h.n}'s birthday. {He} jumped out of bed and ran to the door. There was no "
            "parcel. There was not even a letter."
            "|\"Today is my birthday,\" {h} told the mirror. The mirror smiled. Then {he} went to "
            "the mailbox, but there was nothing in it except a spider.]",
            "[{he} went to {f.intro}. \"Do you know what day it is?\" asked {h}. \"Tuesday,\" "
            "said {f}. \"And I have no time. I have to wash my windows.\""
            "|{he} met {f.intro} in the street. \"Nice day today,\" said {h}, and waited. \"It "
            "looks like rain,\" said {f}, and walked on very quickly."
            "|On the way {he} met {f.intro}. {H} stood there and smiled and waited. \"Have you "
            "got something in your eye?\" asked {f}, and hurried on with a big bag.]",
            "[{he} went to the baker. The baker quickly threw a cloth over something. \"We are "
            "closed,\" he said, and pushed {him} out of the door."
            "|{he} asked {e.intro}. \"Is there something special today?\" \"Special?\" said {e}. "
            "\"Not that I know of.\" And {e.he} coughed, and hid something behind {e.his} back."
            "|At the shop they were out of candles. \"Somebody bought them all,\" said the shop "
            "girl, and giggled for no reason.]",
            "-"
            "[Everyone was in a hurry. Everyone had something to do. When {h} came near, they "
            "stopped talking."
            "|In the afternoon {h} sat {p.in}, all alone, and sang a birthday song to {himself}. "
            "It did not sound right with only one voice."
            "|{h} walked around the village three times, very slowly, so that nobody could miss "
            "{him}. Nobody said a word.]",
            "[{evening} {he} walked home slowly, with {his} head down. \"They have all forgotten "
            "me,\" {he} thought. It was dark in the {h.home}. {H} opened the door."
            "|{H} {look.sad}. \"It is just a day like any other,\" {he} told {himself}. But it "
            "was not true. {He} went home and pushed open the door."
            "|When the lamps were lit, {he} gave up. \"Then I will have a piece of dry bread and "
            "go to bed,\" {he} said. {He} put the key in the lock. It was strange. The door was "
            "already open.]",
            "[\"Surprise!\" A hundred candles lit up. Behind the sofa, under the table, out of "
            "the cupboard, everywhere there were friends! And in front stood {f}, with flour on "
            "{f.his} nose."
            "|\"Happy birthday!\" shouted twenty voices. There hung paper lanterns, there stood "
            "the baker with a cake as big as a wheel, and {f} was holding {o.a} with a ribbon "
            "around it."
            "|First there was a giggle, and then a great shout. \"Happy birthday!\" They stood on "
            "the chairs and on the stairs. {F} came out of the bag, which had been {f.n}'s hiding "
            "place, and blew a horn.]",
            "[\"I thought you had forgotten,\" said {h}. \"Forgotten?\" said {f}. \"We have been "
            "baking and whispering for a week. You have no idea how hard it is not to tell you "
            "anything!\""
            "|{h} laughed and cried at the same time. They danced until the floor shook. And {he} "
            "blew out all the candles in one breath."
            "|\"So you did not forget,\" said {h} in a very small voice. \"Not for a minute,\" "
            "said {f}. And then they ate cake until even the baker could not eat any more.]",
        },
    },
    {
        .name = "wishing_fish",
        .flags = WEIR_STORY_CLOSED,
        .place = WEIR_STORY_WATER,
        .about = "[three wishes"
            "|a magic fish"
            "|a wish]",
        .who = "[who gets a wish"
            "|who catches a magic fish"
            "|who has three wishes]",
        .title = "[The Golden Fish"
            "|{h.T} and the Three Wishes"
            "|One Last Wish]",
        .brief =
            "{h.first} set a golden fish free and was given three wishes. {He} wished for a cake, "
            "and for a bigger cake, and then {he} saw that {f.intro} was ill. {His} last wish was "
            "for {f}, who was well again at once.",
        .beats = {
            "[{oneday}, {h} went fishing {p.in}. {later} something pulled at the line. It was a "
            "golden fish! \"Let me go,\" said the fish, \"and you shall have three wishes.\""
            "|{oneday}, {h} saw something glitter {p.spot}. A little golden fish was caught in a "
            "net. {H} set it free. \"Thank you,\" said the fish. \"Now you may make three "
            "wishes.\""
            "|{h} was throwing stones into the water {p.in}. \"Ouch,\" said somebody. A golden "
            "head came up. \"If you stop that,\" said the fish, \"you may wish for three "
            "things.\"]",
            "[{h} was hungry. \"I wish for a cake,\" {he} said without thinking. Plop! There was "
            "a cake. It was very good, but it was rather small."
            "|\"I wish I had something to eat,\" said {h}, because it was almost noon. At once "
            "there was a pancake on {his} knees."
            "|\"Three wishes!\" {h.cried} {h}. {He} was so excited that {he} hiccuped. \"I wish I "
            "had a bun,\" {he} said, for that was what {he} always said at that time of day. And "
            "there was the bun.]",
            "[\"I wish it were as big as a house,\" said {h}. Rumble! There it stood, as big as a "
            "house, and {h} could not even see over it. {He} ate and ate, until {he} was ill. "
            "\"That was not very clever,\" {he} said."
            "|\"I wish it were bigger,\" said {h}. It grew, and grew, and pushed {him} right into "
            "the water. {H} climbed out, wet from head to toe. \"I should have thought about it "
            "first,\" {he} said."
            "|\"That does not count!\" said {h}. \"I wish this silly bun would fly away!\" It "
            "did. It flew around {his} head twice and was gone over the trees.]",
            "~"
            "[Now there was only one wish left. {H} sat down and thought hard. A castle? A crown? "
            "A ship with golden sails?"
            "|\"The last wish must be a very good one,\" said {h}. {He} walked up and down. {He} "
            "could be rich. {He} could be a king. {He} could even fly."
            "|\"Oh, I am a fool,\" {he} said. \"Only one is left.\" {He} wrote a list. It was "
            "three pages long, and {he} crossed out one line after another.]",
            "[In the evening {he} went to see {f.intro} and ask {f.him} what {f.he} would wish "
            "for. But {f} lay in bed with a fever. \"I am so tired,\" {f.he} whispered. {F.his} "
            "hand was as hot as a stove."
            "|On the way home {he} passed the house of {f.intro}. The shutters were closed. \"{F} "
            "is very ill,\" said the neighbors. \"The doctor does not know what to do.\""
            "|With the list in {his} hand {he} knocked at the door of {f.intro}. Nobody opened. "
            "{H} went in. {F} lay there with closed eyes, and {f.his} breath was as light as a "
            "feather.]",
            "[{h} did not have to think any more. \"I wish that {f.n} is well again,\" {he} said. "
            "Far away, something splashed in the water."
            "|{h} ran back {p.to} as fast as {he} could. \"Fish, dear fish! I know my last wish "
            "now. Make {f.n} well!\" A golden tail waved once and was gone."
            "|{h} tore up the list. \"Fish,\" {he} said, \"I know what I want. {F} should be able "
            "to laugh again.\" And {he} wished it with all {his} heart.]",
            "[{nextday}, {f} stood in front of the door with rosy cheeks. \"I had such a strange "
            "dream,\" said {f}, \"about a fish.\" \"Come in,\" said {h}. \"There is still some "
            "cake.\" And it was enough for the whole village."
            "|And {f} sat up in bed and said, \"I am hungry.\" So they ate pancakes all evening. "
            "{H} had no castle, and {h} had no crown. But {he} had {f}, and that was the best "
            "wish of all."
            "|{F} opened {f.his} eyes. \"What is so funny?\" {f.he} asked, for a bun was just "
            "flying past the window. And then {f.he} began to laugh.]",
        },
    },
    {
        .name = "helping_neighbour",
        .about = "[helping others"
            "|an old neighbor"
            "|a good deed]",
        .who = "[who helps an old neighbor"
            "|who does a good deed]",
        .title = "[A Good Deed"
            "|{h.T} Helps"
            "|The Old Neighbor]",
        .brief =
            "{h.first} saw that {e.intro} could no longer carry water from the well. {He} carried "
            "it for {e.him} every morning and asked for nothing. One day {e} gave {him} a little "
            "box, and in it was the story of {e.his} whole life.",
        .beats = {
            "[Next to {h} lived {e.intro}. {E.he} walked slowly, and {e.his} hands shook. "
            "{oneday}, {h} saw how {e.he} spilled all the water on the way from the well."
            "|{oneday}, {h} passed the house of {e.intro}. The garden was full of weeds, and the "
            "fence had fallen down. {E} sat at the window and looked at it."
            "|{oneday}, {h} heard a crash next door. {E.intro} had dropped a bucket, and the "
            "water was running down the steps. \"That was the third one today,\" said {e}, and "
            "sat down.]",
            "[\"Good morning,\" said {h}. \"May I help you?\" \"I have nothing to give you for "
            "it,\" said {e}. \"Then it is a good thing that I need nothing,\" said {h}."
            "|{h} said nothing. {He} came back with two buckets, filled them to the brim and put "
            "them in front of the door. Then {he} ran away before anybody could say thank you."
            "|{h} did not say much. {He} picked up the bucket, went to the well, and came back. "
            "Then {he} went once more. \"Same time tomorrow?\" {he} asked.]",
            "[{he} came again the next day, and the day after. {He} carried water and chopped "
            "wood. While {he} worked, {e} told {him} about ships and storms and a dog named "
            "Captain."
            "|{he} pulled out the weeds, and {he} put the fence back up. Under the weeds there "
            "were strawberries. \"I had forgotten them,\" said {e}."
            "|After the work they sat on the steps together. {E} told {him} how {e.he} had once "
            "ridden on a whale, and {h} believed almost all of it.]",
            "-"
            "[{F.intro} came by and laughed. \"Why do you work for nothing?\" {f.he} asked. \"It "
            "is not for nothing,\" said {h}. \"You should hear the stories.\" And the next day "
            "{f} came, too."
            "|Sometimes it rained, and {h} would rather have stayed in bed. But then {he} thought "
            "of the two empty buckets, and {he} got up."
            "|{F.intro} wanted to go swimming. \"In a minute,\" said {h}. \"There is only the "
            "wood left.\" {F} sighed, and took the other end of the saw.]",
            "[When winter came, {h} fell ill {himself}. {He} lay in bed with a cough and thought "
            "of the buckets. Then the door opened. In came {e}, very slowly, with a pot of soup. "
            "\"Now it is my turn,\" {e.he} said."
            "|{oneday}, {e} was waiting at the door with a small box. \"This is for you,\" {e.he} "
            "said. In the box lay {o.a}. \"I had it when I was as young as you. It brought me "
            "luck.\""
            "|{oneday}, it was {h} who needed help. The wind had torn half the roof from {his} "
            "{h.home}. And who came along with a ladder and trembling knees? It was {e}, and "
            "{e.he} held the nails.]",
            "[\"Thank you,\" said {h}. \"No,\" said {e}. \"You carried water, and now the whole "
            "garden is in bloom. I am the one who has to say thank you.\""
            "|And when {h} was old {himself}, someone small came along one morning and asked, "
            "\"May I help you?\""
            "|{h} was {feel.happy}. It costs nothing to be kind, {he} thought, and you get so "
            "much for it."
            "|Two houses stand there side by side. There used to be a fence between them. Nobody "
            "remembers who took it away.]",
        },
    },
    {
        .name = "ugly_present",
        .flags = WEIR_STORY_FUNNY | WEIR_STORY_FRIENDS,
        .about = "[a present that nobody wants"
            "|a funny present"
            "|an ugly sweater]",
        .who = "[who gets an ugly present"
            "|who does not like {his} present]",
        .title = "[The Ugly Sweater"
            "|{h.T} Gets a Present"
            "|The Sweater with Three Sleeves]",
        .brief =
            "{f.intro} knitted a sweater for {h.first}, and it had three sleeves. {H} did not "
            "want to hurt {f.him}, so {he} wore it everywhere. One day {he} found out that the "
            "third sleeve was just right for two friends to hold hands in.",
        .beats = {
            "[{oneday}, {f.intro} came with a big parcel. \"I made it myself,\" said {f}, and "
            "{f.his} eyes shone. {H} opened it. It was a sweater. It was yellow and purple, and "
            "it had three sleeves."
            "|For {his} birthday {h} got a sweater from {f.intro}, who had just learned how to "
            "knit. One sleeve was too long. One was too short. And then there was a third one."
            "|{F.intro} had been knitting in secret for weeks. {Oneday}, {f.he} stood in front of "
            "{h.n}'s door. \"Surprise!\" {f.he} said, and held up something that was orange and "
            "green and had too many holes for arms.]",
            "[\"Do you like it?\" asked {f}. {H} swallowed. \"I have never seen one like it,\" "
            "{he} said, and that was the truth."
            "|{h} did not know what to say. \"It is very warm,\" {he} said at last. {F} beamed."
            "|\"Well?\" asked {f}. \"It is very, very colorful,\" said {h}. That was the nicest "
            "thing that {he} could think of.]",
            "[So {h} wore it. It scratched. The children in the street giggled. A bee mistook "
            "{him} for a flower."
            "|{he} hid it in the cupboard. But whenever {f} came to visit, {he} had to put it on "
            "quickly, and once {he} put it on upside down."
            "|When {he} walked through the town, people turned around. A horse laughed. \"It is "
            "the latest fashion,\" said {h}, with red ears."
            "|{he} put it on. A cat hid under the table. The milk turned sour. \"It suits you,\" "
            "said {f} happily.]",
            "-"
            "[{h} tried to lose it. {He} left it on a bench. Somebody brought it back. {He} gave "
            "it to a scarecrow. The scarecrow looked unhappy."
            "|\"Maybe I should tell {f.him} the truth,\" thought {h}. But each time {he} saw "
            "{f.n}'s happy face, {he} could not do it."
            "|{h} washed it in hot water, so that it would shrink. It did not shrink. It grew.]",
            "[Then winter came, and it was bitterly cold. {H} and {f} went {p.to}. {F} had lost a "
            "glove, and {f.his} hand was blue. \"Put it in here,\" said {h}, and held out the "
            "third sleeve."
            "|In winter they went sledding together. {F} was freezing. And suddenly {h} knew what "
            "the third sleeve was for. \"Come here,\" said {h}, and {f} put in {f.his} arm."
            "|Then came the coldest day of all. {H} and {f} were out on the ice, and {f} broke "
            "through with one arm. {F} was shaking. There was only one dry thing big enough for "
            "both of them.]",
            "[There was room for two! They walked home like that, side by side, as warm as toast. "
            "\"I knew that it was good for something,\" said {f}."
            "|\"You are clever,\" said {h}. \"Did you plan that?\" \"No,\" said {f}. \"I just "
            "cannot count.\" They laughed so much that the snow fell from the trees."
            "|So they both crawled into the sweater, {h} on the left and {f} on the right. In the "
            "third sleeve they held hands. Like a creature with two heads, they walked home.]",
            "[The next day everyone wanted a sweater with three sleeves. But there was only one, "
            "and {h} did not give it away for anything in the world."
            "|And today it hangs in the best place in {h.n}'s {h.home}. It still scratches, but "
            "that does not matter."
            "|\"I take back what I thought,\" said {h}. \"What did you think?\" asked {f}. "
            "\"Nothing,\" said {h}, and went red. It was the warmest sweater in the world.]",
        },
    },
    {
        .name = "firefly_light",
        .flags = WEIR_STORY_BEDTIME,
        .traits = "shy,lonely,gentle,kind,quiet,brave,curious,dreamy,cheerful",
        .about = "[a little light"
            "|a firefly"
            "|a light in the dark]",
        .who = "[who makes friends with a firefly"
            "|who is afraid of the dark]",
        .title = "[The Little Light"
            "|{h.T} and the Firefly"
            "|A Light in the Night]",
        .brief =
            "{h.first} was afraid of the dark until {he} met a firefly. The firefly had no "
            "friends, because it was awake only at night. Now it shines at {h.n}'s window, and "
            "neither of them is alone.",
        .beats = {
            "[There was only one thing {h} did not like, and that was the dark. In the dark every "
            "chair looked like a giant."
            "|Each evening, when the sun went down, {h} pulled the blanket over {his} head. \"It "
            "is so dark,\" {he} whispered, \"and so big.\""
            "|When the lamp went out, the wall was full of shapes. {H} knew that it was only "
            "{his} coat and {his} chair. But it is one thing to know it, and another to feel it.]",
            "[One night {h} saw a tiny light outside. It went on and off, on and off. \"Who are "
            "you?\" {he} asked. \"I am a firefly,\" said a very small voice. \"I am sorry if I "
            "woke you.\""
            "|One night something came in through the window. It was green and gold, and no "
            "bigger than a pea. \"Good evening,\" it said. \"I have lost my way.\""
            "|{h} was lying awake when something bumped softly against the window. It was a "
            "little beetle with a lamp. \"I am sorry,\" it said. \"I thought you were a star. You "
            "are the only one who is still up.\"]",
            "[\"I was awake,\" said {h}. \"I am afraid of the dark.\" \"Oh,\" said the firefly. "
            "\"I am afraid of the day. It is so bright, and everybody is so loud.\""
            "|\"Are you not frightened out there?\" asked {h}. \"No,\" said the firefly. \"But I "
            "am alone. When I am awake, everybody sleeps.\""
            "|\"I cannot sleep when it is so black,\" said {h}. \"And I cannot shine when it is "
            "bright,\" said the firefly. \"When I meet somebody, I am always too late. They have "
            "all gone to bed.\"]",
            "[\"Shall I show you the dark?\" asked the firefly. {H} took a deep breath and went "
            "out with it. There were no giants. There were white flowers that opened only at "
            "night, and a [hedge|wall] that smelled of honey."
            "|\"Come,\" said the firefly, \"I will show you something.\" They went {p.to}. The "
            "giant was only a bush, and the monster was only a bucket. {H} had to laugh."
            "|They climbed out onto the roof. \"Look,\" said the firefly. The fields were blue, "
            "and the river was like a ribbon of milk. It was the same world as always, only very "
            "quiet.]",
            "-"
            "[They heard an owl far away. They saw a spider at work on a web, and each thread had "
            "a drop of silver on it."
            "|{H} looked up. There were more stars than {he} could ever count. \"You cannot see "
            "them without the dark,\" said the firefly."
            "|A moth flew by on wings as soft as dust. A mole said good evening. Nobody out here "
            "was afraid at all.]",
            "[When {h} lay in bed again, the firefly sat down on the window sill. On and off, on "
            "and off, went the little light. \"Stay,\" said {h}. \"Gladly,\" said the firefly."
            "|\"You are a brave friend,\" said the firefly. \"So are you,\" said {h}. And the "
            "firefly found its way home, because {h} put a candle in the window for it."
            "|From then on there was a small green light on {h.n}'s pillow every evening. They "
            "told each other about the day and about the night. {H} told about the day, of "
            "course.]",
            "[And if you walk by late at night, you can see it there, on and off, on and off. {H} "
            "does not see it. {H} is asleep."
            "|Since then, {h} has not been afraid. Good night, little light. Good night, {h.call}."
            "|And once the light is out, it is only because somebody has to sleep. Good night, "
            "you two.]",
        },
    },
    {
        .name = "quarrel_bridge",
        .flags = WEIR_STORY_FRIENDS,
        .object = WEIR_STORY_TOY,
        .about = "[a quarrel"
            "|two friends who quarrel"
            "|making up after a quarrel]",
        .who = "[who quarrels with a friend"
            "|who says sorry first]",
        .title = "[The Quarrel"
            "|{h.T} and {f.T} Make Up"
            "|Sorry]",
        .brief =
            "{h.first} and {f.intro} quarreled over {o.a} and did not speak for three days. Both "
            "of them were very unhappy. Then they met in the middle of the road, said sorry at "
            "the same time, and laughed.",
        .beats = {
            "[{h} and {f.intro} were the best of friends. But {oneday} they both wanted {o.a}. "
            "\"It is mine!\" said {h}. \"No, it is mine!\" said {f}."
            "|{oneday}, {h} and {f.intro} found {o.a}. {H} said that {he} had seen it first. {F} "
            "said that {f.he} had touched it first. Each of them pulled."
            "|Under the old bridge {h} and {f.intro} had a secret hut. {Oneday} there lay {o.a}. "
            "Each of them said, \"I saw it first,\" and that was the beginning of it.]",
            "[They shouted. They said things that one should not say. \"You are as stupid as a "
            "stone,\" said one. \"And you smell,\" said the other. Then they went home, each in a "
            "different direction."
            "|One word led to another. \"I will never play with you again!\" cried {f}. \"I do "
            "not care!\" cried {h}. A door banged, and then another door."
            "|\"You always want everything,\" said {h}. \"And you never give anything,\" said "
            "{f}. They kicked over the hut, each of them one half of it, and left.]",
            "[On the first day {h} was angry. {He} drew a line in the sand between the two "
            "houses. On the second day {he} was a little less angry. {He} played alone, and it "
            "was boring."
            "|\"Now I have all the time in the world for myself,\" said {h}. {He} played checkers "
            "against {himself}, and {he} lost. {He} told a joke to the wall. The wall did not "
            "laugh."
            "|On the first day {h} told everyone how mean {f} was. On the second day {he} had "
            "nobody left to tell. The rain dripped through what was left of the hut.]",
            "-"
            "[At night {h} looked out of the window. In {f.n}'s house there was still a light. "
            "\"Maybe {f.he} cannot sleep either,\" {he} thought."
            "|{E.intro} shook {e.his} head. \"Two such clever heads,\" said {e}, \"and not one of "
            "them knows a word with five letters.\" {H} counted the letters of many words."
            "|There was {food} for supper, and {h} had saved a second piece out of habit. {He} "
            "put it back.]",
            "[On the third day {h} had a lump in {his} throat. It was an apology that wanted to "
            "come out. {He} put on {his} hat and started walking."
            "|On the third day {he} could not bear it any longer. \"What is {o.an} worth, if I "
            "have nobody to show it to?\" {he} thought, and went to the door."
            "|In the third night {h} wrote a letter. \"I am sorry,\" it said, and nothing else, "
            "because everything else was not so important. {He} went out to put it under {f.n}'s "
            "door.]",
            "[In the middle of the road {he} met {f}. {F} looked at {f.his} feet. {H} looked at "
            "the sky. Then they both took a deep breath. \"I am sorry,\" said two voices at the "
            "same time."
            "|When {he} opened the door, {f} was just about to knock. \"I wanted to say,\" said "
            "{h}. \"I wanted to say,\" said {f}. \"You first!\" \"No, you!\" And they almost "
            "began to quarrel again."
            "|Halfway there {he} met somebody with a lantern and a letter. They read each other's "
            "letters by the light of the lantern. \"They are the same,\" said {f}. \"Yours has a "
            "mistake in it,\" said {h}, and they began to laugh.]",
            "{!has h o}",
            "[\"You can have {o},\" said {h}. \"No, you have it,\" said {f}. In the end they cut "
            "a calendar in half: on the even days it belongs to one, on the odd days to the "
            "other. And on Sundays it belongs to both of them."
            "|They laughed so hard that they had to sit down in the road. Then they {o.ved} {o} "
            "together all afternoon. It was made for two anyway."
            "|The hut was built again the next day, with a shelf for {o}. It belongs to nobody, "
            "and both of them have it.]",
        },
    },
    {
        .name = "gentle_hug",
        .flags = WEIR_STORY_FRIENDS,
        .hero = WEIR_STORY_BIG,
        .friend = WEIR_STORY_SMALL,
        .about = "[somebody big who has to be careful"
            "|a hug"
            "|learning to be gentle]",
        .who = "[who does not know {his} own strength"
            "|who learns how to hug"
            "|who breaks everything {he} touches]",
        .title = "[A Gentle Hug"
            "|{h.T} Learns to Hug"
            "|Too Strong]",
        .brief =
            "{h.first} was so strong that {he} broke everything {he} touched, and so nobody "
            "wanted a hug. {F.intro} taught {him} with eggs and with soap bubbles how to be "
            "gentle. In the end {h} could hold a butterfly, and {he} got the first hug of {his} "
            "life.",
        .beats = {
            "[{h} was very strong. When {he} shook hands, people said \"Ouch.\" When {he} closed "
            "a door, there was no door any more. So everyone kept away from {him}."
            "|Whatever {h} touched broke: cups, chairs, even the handle of the church door. \"I "
            "only wanted to come in,\" {he} said sadly."
            "|{h} did not mean to break things. But the bench broke when {he} sat on it, and the "
            "flowers snapped when {he} smelled them. \"Go and play somewhere else,\" the others "
            "said.]",
            "[{he} saw how others hugged each other when they met. It looked nice. \"I would like "
            "to have one of those,\" said {h}. But when {he} opened {his} arms, everybody ran."
            "|More than anything {h} wished for a hug. But who would hug somebody who cracks "
            "walnuts with two fingers?"
            "|{oneday}, two friends met in the street and put their arms around each other. {H} "
            "watched them from behind a wall. \"What is that called?\" {he} asked {himself}.]",
            "[Only {f.intro} did not run away. \"You are not too strong,\" said {f}. \"You only "
            "need practice.\" And {f.he} brought a basket with a hundred eggs."
            "|\"I will teach you,\" said {f.intro}. {H} looked at {f.him}, so small and so sure. "
            "\"I might hurt you,\" said {h}. \"That is why we will begin with eggs,\" said {f}."
            "|\"Would you like to learn it?\" somebody asked. Down there, next to {his} foot, "
            "stood {f.intro}. \"It is not difficult. One only has to be very, very careful.\"]",
            "[Crack went the first egg. Crack went the second. By noon {h} was yellow up to the "
            "elbows. \"Think of something soft,\" said {f}. {H} thought of [snow|moss|kittens]. "
            "The thirty-first egg stayed whole."
            "|They ate scrambled eggs for a week. \"Slower,\" said {f}. \"Softer. As if you asked "
            "it a question.\" And {oneday} an egg lay in {h.n}'s hand, and nothing happened to it "
            "at all."
            "|They began with eggs. {H} squeezed. It was a mess. \"That was an omelet,\" said "
            "{f}, and handed {him} the next one. There were ninety-nine left.]",
            "[Then came the soap bubbles. They burst when you only looked at them. {H} held {his} "
            "breath and stretched out one finger. A bubble sat down on it. It shone in all the "
            "colors of the world."
            "|After the eggs came tomatoes, and after the tomatoes came dandelions with all their "
            "fluff. {H} carried one across the whole meadow and did not lose a single seed."
            "|Then {h} learned to hold a raspberry. Then {he} learned to hold a feather. Then "
            "{he} learned to hold {his} breath, and that was the most important thing of all.]",
            "-"
            "[Sometimes {he} wanted to give up. \"I am just made like this,\" {he} said. \"Nobody "
            "is finished yet,\" said {f}."
            "|A butterfly landed on {his} thumb. {H} stood as still as a tree for one hour, until "
            "it flew on."
            "|A tiny spider walked over {his} palm, and it was not frightened. \"You see?\" said "
            "{f}.]",
            "[\"Now,\" said {f}, and opened {f.his} arms. {H} was {feel.afraid}. {He} bent down "
            "and put {his} arms around {f}, as lightly as a blanket. \"Harder,\" said a voice "
            "from inside. \"A little harder. There.\""
            "|The great day came. All the others watched from behind the fence. {H} closed {his} "
            "eyes. {He} thought of eggs and bubbles and butterflies. And then {he} felt two small "
            "arms around {his} neck."
            "|\"I am ready if you are,\" said {f}. {H} knelt down. {He} closed {his} arms, "
            "slowly, slowly, like a flower that closes in the evening. Nothing cracked. It was "
            "warm and it was quiet.]",
            "[It was the best thing that had ever happened to {him}. And when {he} opened {his} "
            "eyes, there was a long line of people, and all of them wanted one."
            "|\"Well?\" asked {f}. {H} did not answer. {He} could not. {He} only smiled, with "
            "{his} whole face."
            "|Since then {h} has been in charge of everything that is small: of chicks and of "
            "babies, and of the very thin glasses.]",
        },
    },
    {
        .name = "reading_lesson",
        .flags = WEIR_STORY_FRIENDS,
        .about = "[learning to read"
            "|a book"
            "|helping a friend to learn]",
        .who = "[who teaches a friend to read"
            "|who learns to read]",
        .title = "[The Letters"
            "|{h.T} Teaches {f.T}"
            "|The First Word]",
        .brief =
            "{f.intro} could not read and was ashamed of it. {H.first} noticed it and drew "
            "letters in the sand every day, until {f} could read {f.his} first word. It was the "
            "word \"friend\".",
        .beats = {
            "[Every evening {h} read aloud {p.in}. {F.intro} always sat in the front row. \"Would "
            "you like to read a page?\" {asked} {h}. {F} suddenly had to go home."
            "|{h} wrote a letter to {his} friend {f.n} the {f.k}. There was no answer. {He} wrote "
            "another one. When {he} came to visit, both of them lay on the table, unopened."
            "|A big sign hung {p.in}. \"What does it say?\" {f.intro} asked {h}, as if it was not "
            "important. \"Can you not see it from there?\" \"The sun is in my eyes,\" said {f}. "
            "But there was no sun that day.]",
            "[{h} thought about it. Then {he} understood. \"You cannot read,\" {he} said gently. "
            "{F} turned red. \"Everybody can, except for me,\" {f.he} said. \"I am too stupid for "
            "it.\""
            "|\"My glasses are broken,\" said {f}. But {f} had never had any glasses. {H} said "
            "nothing. {He} only picked up a stick."
            "|{h} walked home very thoughtfully. The next morning {he} said, \"I need somebody "
            "who will listen while I learn my letters again. I have forgotten half of them.\" It "
            "was a lie, but it was a kind one.]",
            "[{h} drew a curve in the sand. \"Look, a snake,\" {he} said. \"What does it say?\" "
            "\"Sss,\" said {f}. \"You have just read your first letter,\" said {h}."
            "|\"This is an O,\" said {h}. \"It looks like what your mouth does when you say it.\" "
            "\"O,\" said {f}. \"O!\" It worked."
            "|\"What looks like a gate?\" asked {h}. {F} thought about it. \"An H,\" said {h}. "
            "\"It is the first letter of my favorite word, and that is hello.\"]",
            "[Every day there were two new letters. The M was two mountains, and the T was a "
            "table. When the wind had blown them away in the night, {f} drew them again "
            "{f.himself}."
            "|They practiced everywhere. They laid letters out of sticks and peas. For lunch they "
            "ate soup with an A, a B and a C in it, and {f} read {f.his} bowl before {f.he} "
            "emptied it."
            "|They wrote in the dust, in the snow and on the misty window. {F} wrote a whole row "
            "of Bs that looked like fat birds.]",
            "-"
            "[The G was difficult, and the Q was worse. \"I will never learn it,\" said {f}, and "
            "wiped everything away. {H} drew it again. \"I said that about whistling,\" said {h}."
            "|At night {f} dreamed of letters. They danced in a ring and would not stand still."
            "|\"Read me this one,\" said {h}. \"C, A, T,\" said {f}. \"Cat! It says cat!\" {F} "
            "looked at the word as if it had just jumped on {f.his} lap.]",
            "[One morning {h} came to the beach of sand behind the house. Somebody had been there "
            "before {him}. In big, wobbly letters there stood a word. {H} read it. It said "
            "\"friend\"."
            "|{oneday}, a letter lay in front of {h.n}'s door. It was very short, and three of "
            "the letters were the wrong way around. \"Thank you, frend,\" it said. {H} had never "
            "had a better letter."
            "|In spring {f} stood in front of the big sign again. {F.his} lips moved. \"Fresh "
            "bread,\" {f.he} read. \"It was only fresh bread, all this time!\" And {f.he} bought "
            "two loaves to celebrate.]",
            "[And in the evening it was {f} who read aloud. It took a long time, and nobody "
            "minded."
            "|Now two of them read aloud {p.in}, one page each. And when there is a hard word, "
            "they look at it together."
            "|There are a great many books in the world. \"I will begin with the thin ones,\" "
            "said {f}, and {h} moved over a little on the bench.]",
        },
    },
    {
        .name = "lemonade",
        .flags = WEIR_STORY_FRIENDS,
        .weather = WEIR_STORY_FAIR,
        .about = "[selling lemonade"
            "|earning money"
            "|saving money for something]",
        .who = "[who sells lemonade"
            "|who saves money for {o.a}]",
        .title = "[The Lemonade Stand"
            "|{h.T} Sells Lemonade"
            "|Three Coins]",
        .brief =
            "{h.first} sold lemonade to buy {o.a}. Then {he} heard that {f.intro} had lost "
            "everything in a fire, and {he} gave {f.him} all {his} money. The next day the "
            "shopkeeper put {o} in front of {his} door.",
        .beats = {
            "[{oneday}, {h} saw {o.a} in a shop window. It cost ten coins. {H} had none. {He} "
            "turned {his} pockets inside out, but there was only a button."
            "|In the window of the shop lay {o.a}. {H} went past it three times a day. \"I will "
            "earn the money,\" {he} said."
            "|There it was, in the window, between a globe and a rocking horse: {o.a}. \"Ten "
            "coins,\" said the sign. {H} pressed {his} nose against the glass until it left a "
            "round mark.]",
            "[It was hot. {H} squeezed lemons, put in sugar and a sprig of mint, and wrote a "
            "sign: \"Lemonade, one coin a glass.\" Then {he} sat down and waited."
            "|{w.line} \"On such a day everybody is thirsty,\" thought {h}. {He} put a table by "
            "the road and filled a big jug with lemonade."
            "|{h} had a lemon tree, a well, and an idea. By nine o'clock there was a table by the "
            "road. \"Ice cold,\" it said on the sign, and underneath, in smaller letters, "
            "\"almost\".]",
            "[First nobody came. Then a wasp came, but it had no money. Then came a farmer, all "
            "covered with dust. He drank three glasses and smacked his lips. Three coins!"
            "|The postman bought one. A lady with a hat bought two. By evening there were five "
            "coins in the cup, and {h}'s nose was red from the sun."
            "|A whole wedding came past, with a thirsty bride. She drank two glasses in a row and "
            "paid with a kiss and three coins. {H} had to run for more water.]",
            "-"
            "[A small boy stood there and only looked. \"I have no money,\" he said. \"The last "
            "glass of the day is always free,\" said {h}, although it was only noon."
            "|The next day it was even hotter. {H} had to make more and more lemonade, and {his} "
            "fingers smelled of lemon even at night."
            "|A dog had no money, but it was panting. {H} gave it a bowl of water for nothing, "
            "and it stayed all day and barked at everyone who did not stop.]",
            "[At last {he} had them together, ten round coins. {H} ran to the shop. On the way "
            "{he} passed {f.intro}, who was sitting on a suitcase. \"Our house burned down last "
            "night,\" said {f}. \"This is all I have left.\""
            "|Ten coins! {He} was just about to go into the shop when {he} heard two people "
            "talking. \"Poor {f.n},\" they said. \"The fire took everything. There is not even a "
            "blanket.\""
            "|On Saturday the tenth coin fell into the cup. It had such a lovely sound. But on "
            "the way to the shop {h} heard somebody crying behind the burned-down house. It was "
            "{f.intro}. \"It is all gone,\" said {f}. \"I only have what I am wearing.\"]",
            "[{h} felt the coins in {his} pocket. They were warm. {He} looked at {o} in the "
            "window. Then {he} turned around. \"Here,\" {he} said to {f}. \"It is not much. But "
            "it is enough for a blanket and a pot.\""
            "|It was not an easy thought. {H} thought it all the way to the corner and back. Then "
            "{he} put the ten coins into {f.n}'s hand, and ran off before {f} could say anything."
            "|{h} had the coins in {his} hand. {He} counted them once more, all ten of them, as "
            "one says goodbye to somebody. Then {he} laid them in {f.n}'s lap.]",
            "[The shopkeeper had seen it all through the window. {nextday}, there was a parcel on "
            "the lemonade table. In it lay {o}. \"For the best lemonade in town,\" said the note."
            "|And then others came with coins and with chairs and with curtains. Before the week "
            "was over, {f} had a new roof. And one morning {o} lay on the lemonade table, with a "
            "ribbon around it."
            "|On Monday {h} put up {his} table again. And what stood there, in the middle, with a "
            "red ribbon? It was {o.full}. The shopkeeper waved from across the street and put a "
            "finger to her lips.]",
            "{!has h o}",
            "[{h} {o.ved} {o} the whole summer. And whenever {f} came by, there was a glass of "
            "lemonade for {f.him}, with extra mint."
            "|\"You cannot buy everything with ten coins,\" said {h}. \"But you can buy a lot.\""
            "|The best lemonade is the one you share. {H} says so, and {he} knows about lemonade.]",
        },
    },
};
/* clang-format on */

const weir_story_plots weir_story_plots_kind = {plots, sizeof(plots) / sizeof(plots[0])};
