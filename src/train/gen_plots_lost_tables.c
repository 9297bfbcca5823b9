/*
 * gen_plots_lost_tables.c: plots: things lost and found, ways home. gen_story.h explains slots and
 * marks.
 */
#include "train/gen_story.h"

/* clang-format off */
static const weir_story_plot plots[] = {
    {
        .name = "lost_thing",
        .flags = WEIR_STORY_FRIENDS,
        .object = WEIR_STORY_TOY,
        .about = "[a lost {o.n}"
            "|losing something and finding it again"
            "|{o.an} that was lost and found]",
        .who = "[who loses {his} {o.n}"
            "|who looks for a lost {o.n}"
            "|who cannot find {his} {o.n}]",
        .title = "[The Lost {o.T}"
            "|{h.T} and the Lost {o.T}"
            "|Where Is the {o.T}?"
            "|The Missing {o.AT}]",
        .brief =
            "[{H.first} could not find {o.full} anywhere. With the help of {f.intro}, {he} looked "
            "for it {p.in}. There it was, {p.spot}, and {h} was {feel.happy}."
            "|{h.first} lost {his} {o.adj} {o.n} and was {feel.sad}. {F.intro} helped {him} look "
            "for it {p.in}. Together they found {o} {p.spot}, and the day was saved.]",
        .beats = {
            "[{!has h o}{H} had {o.a}, and {he} loved it more than anything. Every day {he} "
            "{o.ved} it."
            "|{!has h o}Of all {his} things {h} loved {o.a} best. {He} was {o.ving} it from "
            "morning till evening."
            "|{!has h o}For {his} birthday {h} had been given {o.a}. It was the finest {o.n} {he} "
            "had ever seen."
            "|{!has h o}{H} had a treasure. It was {o.a}, and {he} took it everywhere."
            "|{!has h o}What {h} liked most of all was {his} {o.adj} {o.n}. {He} said good "
            "morning to it and good night to it."
            "|{!has h o}In {h.n}'s {h.home} there was one thing that nobody else was allowed to "
            "touch. It was {o.a}.]",
            "{!lose h o}",
            "[{oneday}, {o} was gone. {H} looked under the bed, behind the door and even in the "
            "soup pot. No {o.n}."
            "|But {oneday}, when {h} woke up, {o} was not there. \"Where is my {o.n}?\" {he} "
            "cried. {He} looked everywhere at home, but {he} did not find it."
            "|Then came a day when {h} could not find {o}. {He} turned the whole {h.home} upside "
            "down. \"It is lost!\" {he} said {sadly}."
            "|{oneday}, {h} wanted to play, but {o.full} had disappeared. {He} {look.sad}. What "
            "was a day without it?"
            "|{oneday}, something terrible happened. {H} reached for {o}, and {his} hand found "
            "nothing. {He} looked once, {he} looked twice. It was not there."
            "|{oneday}, {he} came home and noticed that something was missing. It was {o}! {H} "
            "{look.worried}. \"Where did I leave it?\" {he} asked {himself}.]",
            "[{h} went outside, and there {he} met {f.intro}. \"Why are you so sad?\" {asked} "
            "{f}. \"I have lost my {o.n},\" said {h}. \"Then we will look for it together,\" said "
            "{f}."
            "|{F.intro} came by. \"[What is wrong|What is the matter], {h.call}?\" {f.he} asked. "
            "{H} told {f.him} everything. \"Four eyes see more than two,\" said {f}. \"Come!\""
            "|\"Do not cry,\" said a voice. It was {f.intro}. \"When did you see it last?\" {H} "
            "thought hard. \"Yesterday, {p.in},\" {he} said. \"Then let us go {p.to},\" said {f}."
            "|{His} neighbor was {f.intro}. \"I will help you,\" said {f}. \"I am very good at "
            "finding things. I once found my own hat on my own head.\""
            "|{f.intro} was sitting on the fence. \"You look like seven days of rain,\" said {f}. "
            "\"My {o.n} is gone,\" sighed {h}. \"Gone things want to be found,\" said {f}. \"I "
            "will come with you.\"]",
            ">"
            "[They looked {p.in} for a long time. They found [an old shoe|a rusty nail|a bird's "
            "nest], but no {o.n}. \"Let us look {p.in} once more,\" said {f}. \"Nobody finds "
            "anything by giving up.\""
            "|So they went {p.to}. They asked everyone they met, but nobody had seen {o.an}. {H} "
            "{look.worried}."
            "|Together they searched {p.in}. {H} looked left and {f} looked right. \"Nothing "
            "here,\" said {h}. \"Nothing here either,\" said {f}."
            "|They went {p.to} and looked at every corner. The sun climbed higher and higher, and "
            "still they found nothing."
            "|First they looked near the {h.home}, and then they went {p.to}. \"Is it under "
            "there?\" \"No.\" \"Is it up there?\" \"No.\" They began to lose heart."
            "|\"Let us think like {o.an},\" said {f}. \"Where would I go, if I were {o.an}?\" So "
            "they went {p.to}, and they searched every corner of it.]",
            "[{suddenly}, {f} stopped. \"{Look}!\" {f.he} called. \"There is something {o.adj} "
            "over there!\" And {p.spot} lay {o.full}."
            "|Then {h} saw something {p.spot}. {He} {h.ran} closer. It was {o.full}! \"Here it "
            "is!\" {he} shouted."
            "|{atlast}, {f} bent down. {P.spot} there was something [strange|interesting]. {F.he} "
            "pulled it out and laughed. It was {o.full}!"
            "|\"Wait,\" said {h}. \"I remember now! I sat down to rest, and I put it {p.spot}.\" "
            "{He} went there, and yes, there it was."
            "|A sunbeam fell on something {p.spot}. \"What is that?\" whispered {h}. They crept "
            "closer. It was {o.full}, and it was not even scratched."
            "|\"I give up,\" said {h}, and sat down. \"Ouch!\" {He} had sat on something hard. It "
            "was {o}! All the time it had been lying there, {p.spot}.]",
            "{!has h o}",
            "[{h} was {feel.happy}. {He} hugged {o}, and then {he} hugged {f}. \"{thanks}, "
            "{f.call},\" {he} said. \"Alone I would never have found it.\""
            "|\"{thanks}!\" said {h}. \"[It was nothing|That is what friends are for],\" said "
            "{f}. They {o.ved} {o} together until the sun went down."
            "|{h} {look.happy}. \"Do you want to play with me?\" {he} asked. \"I thought you "
            "would never ask,\" said {f}."
            "|\"You found my {o.n}, so it is a little bit yours now, too,\" said {h}. And from "
            "then on they shared it."
            "|\"I will never lose it again,\" said {h}. \"Or if I do,\" said {f}, \"you know "
            "where I live.\""
            "|{h} laughed and cried at the same time. That evening {he} and {f} {o.ved} {o} until "
            "they could not keep their eyes open.]",
        },
    },
    {
        .name = "found_thing_returned",
        .flags = WEIR_STORY_FRIENDS,
        .object = WEIR_STORY_POCKET,
        .about = "[{o.an} that belongs to somebody else"
            "|an honest {h.k}"
            "|finding something that is not yours]",
        .who = "[who finds {o.a}"
            "|who finds {o.an} and gives it back"
            "|who is honest]",
        .title = "[{h.T} Finds a {o.T}"
            "|The {o.AT}"
            "|The Honest {h.KT}]",
        .brief =
            "[{h.first} found {o.a} {p.in} and wanted to keep it. But {he} saw that {f.intro} was "
            "looking for it everywhere. So {h} gave {o} back, and the two became friends."
            "|{oneday}, {h.first} found {o.a} {p.in}. It belonged to {f.intro}, who was very sad "
            "without it. {h} gave it back, and {f} was so happy that {f.he} danced.]",
        .beats = {
            "[{oneday}, {h} went for a walk {p.in}. {Suddenly} {he} saw something lying {p.spot}. "
            "It was {o.a}!"
            "|{oneday}, {h} was {p.in} when {his} foot hit something. It was {o.a}, and it was "
            "lying {p.spot}."
            "|{oneday}, {h} found {o.a} {p.spot}. There was nobody {p.in} but {him}."
            "|{H} liked to look for things {p.in}. Most days {he} found nothing but stones. But "
            "{oneday}, {p.spot}, {he} found {o.a}."
            "|On the way {p.to}, {h} stepped on something. {He} bent down. It was {o.a}, and it "
            "looked as if somebody had taken good care of it.]",
            "{!has h o}",
            "[\"How pretty!\" said {h}. \"Now it is mine.\" {He} put {o} in {his} pocket and went "
            "on."
            "|{H} picked it up and turned it over and over. {He} had always wanted {o.an}. "
            "\"Finders keepers,\" {he} said to {himself}."
            "|{He} looked around. Nobody was there. \"It must belong to somebody,\" {he} thought. "
            "\"But it is so beautiful.\""
            "|{H} {look.excited}. Such a fine {o.n}! {He} wanted to show it to everyone."
            "|{h} held it up to the light. It was the prettiest {o.n} in the whole world. \"I "
            "will keep it for ever,\" {he} whispered.]",
            ">"
            "[Then {he} heard somebody crying. It was {f.intro}. \"I have lost my {o.n},\" {f.he} "
            "sobbed. \"My grandmother gave it to me.\""
            "|Behind the next corner sat {f.intro} with wet eyes. \"Have you seen {o.an}?\" "
            "{f.he} asked. \"I have been looking all day.\""
            "|Soon {he} met {f.intro}, who was looking under every stone. \"What are you looking "
            "for?\" asked {h}. \"For my {o.adj} {o.n},\" said {f}. \"I miss it so much.\""
            "|{F.intro} came running. \"Please help me!\" {f.he} called. \"My {o.n} is gone. It "
            "is {o.adj}, and it is the only one I have.\""
            "|At the next turn {he} almost ran into {f.intro}. {F.his} eyes were red. \"I am "
            "looking for my {o.n},\" said {f}. \"Without it I cannot go home.\""
            "|{h} had not gone far when {he} saw {f.intro}, who crawled along the ground. \"It "
            "must be here,\" {f.he} kept saying. \"My dear old {o.n} must be here.\"]",
            "[{h} held {o} tight. It was so [fine|pretty]! But {f} looked so sad. {H} swallowed. "
            "Then {he} opened {his} hand. \"Is this it?\" {he} asked."
            "|For a moment {h} said nothing. {He} thought of how sad {he} would be in {f.n}'s "
            "place. \"I found it,\" {he} said. \"Here. It belongs to you.\""
            "|{H} felt {feel.ashamed}. {He} could walk away, and nobody would ever know. But {he} "
            "would know. So {he} held out {o} and said, \"I think this is yours.\""
            "|\"I could keep it,\" thought {h}. \"But it would not make me happy.\" {He} took a "
            "deep breath. \"Look what I found,\" {he} said."
            "|There was a small fight inside {h}. One voice said, \"Keep it.\" The other said, "
            "\"Give it back.\" The second voice was quieter, but it was right. {H} held out {o}."
            "|{h} hid {o} behind {his} back. But then {he} saw a tear roll down {f.n}'s cheek, "
            "and {he} could not keep it there any longer. \"Please do not cry,\" {he} said. "
            "\"Here it is.\"]",
            "{!give h f o}",
            "[{f} could hardly believe it. \"My {o.n}!\" {f.he} cried. \"{thanks}! You are the "
            "most honest {h.k} I know.\""
            "|{F} jumped for joy and laughed and cried at the same time. \"{thanks}, {h.call}!\" "
            "{f.he} said."
            "|\"You found it!\" shouted {f}, and gave {h} a big hug. \"How can I ever thank you?\""
            "|First {f} said nothing at all. Then {f.he} pressed {o} to {f.his} heart. \"I will "
            "never forget this, {h.call},\" {f.he} said.]",
            "[\"Come with me,\" said {f}. \"I am having {food} for supper, and there is enough "
            "for two.\" It was the best supper {h} had ever had."
            "|{H} had no {o.n} now. But {he} had a warm feeling inside, and {he} had a new "
            "friend. That was much better."
            "|After that, {f} often let {h} {o.v} {o}. And so {he} had both, {o.an} to {o.v} and "
            "a friend to do it with."
            "|\"You may borrow it whenever you like,\" said {f}. {H} was {feel.proud} that {he} "
            "had done the right thing."
            "|On the way home {h} whistled. {His} pockets were empty, and {he} felt as light as a "
            "feather."
            "|The next day {f} stood in front of the door with {food}. \"For the honest finder,\" "
            "{f.he} said. They ate it together, and there was not a crumb left.]",
        },
    },
    {
        .name = "lost_way_home",
        .flags = WEIR_STORY_PARENT | WEIR_STORY_BRAVE,
        .place = WEIR_STORY_WILD,
        .about = "[getting lost"
            "|finding the way home"
            "|a long way home]",
        .who = "[who gets lost"
            "|who loses {his} way"
            "|who cannot find the way home]",
        .title = "[{h.T} Gets Lost"
            "|The Way Home"
            "|Lost in the {p.T}]",
        .brief =
            "[{h.first} followed {a.small} so far that {he} got lost {p.in}. {E.intro} told {him} "
            "to follow the [stream|stars|smell of smoke]. When it was dark, {h} was safe at home "
            "with {m}."
            "|{oneday}, {h.first} lost {his} way {p.in}. {He} was {feel.afraid}, but {he} did not "
            "give up and asked {e.intro} for help. Before night {he} was back with {m}, who "
            "hugged {him} tight.]",
        .beats = {
            "[\"Do not go too far,\" said {m}. \"I will not,\" said {h}. But {oneday} {he} saw "
            "{a.small}, and {he} ran after it, {p.to}."
            "|{oneday}, {a.small} flew past the {h.home}. {H} ran after it, left and right and "
            "left again, until {he} was {p.in}."
            "|{oneday}, {h} picked berries. There was always a redder one a little farther on. So "
            "{he} went farther and farther, {p.to}."
            "|{oneday}, {h} played hide-and-seek and went {p.to} to find the best hiding place of "
            "all. It was so good that nobody found {him}."
            "|{oneday}, {h} wanted to see what was behind the last hill. There was another hill. "
            "And behind that one there was {p}. When {he} had seen enough, {he} turned around."
            "|\"Come back before it gets dark,\" said {m}. {H} promised. But {p.in} there was so "
            "much to see, {a.small} first of all, that {he} forgot the time.]",
            "[When {he} looked around, nothing looked the way it should. \"Where am I?\" {he} "
            "asked. Nobody answered. {H} was {feel.afraid}."
            "|Then {he} stopped. Which way was home? Everything looked the same. {H} "
            "{look.afraid}."
            "|{later}, {he} wanted to go home. But the path was gone! \"Hello?\" called {h}. "
            "\"Lo, lo, lo,\" said the echo."
            "|The sun was already low, and {h} did not know the way back. {His} heart beat "
            "[fast|like a drum]."
            "|The shadows were long now. Was it left at the big stone, or right? {H} tried left. "
            "It was wrong. {He} tried right. That was wrong, too."
            "|{suddenly} everything was strange. Even the birds sang in another language. \"I am "
            "lost,\" said {h}, and {his} voice was very thin.]",
            "[{he} sat down {p.spot} and wanted to cry. But then {he} remembered what {m} had "
            "always said: \"When you are lost, stay calm and think.\""
            "|\"Crying will not help,\" {h} said to {himself}. {He} wiped {his} eyes and stood up."
            "|{He} took three deep breaths. \"I am a big {h.k} now,\" {he} said, although {he} "
            "felt very small. \"I will find the way.\""
            "|First {he} cried a little. Then {he} sang a little. Singing was better."
            "|\"Think,\" {h} told {himself}. \"The sun was in my face when I came. So now it must "
            "be at my back.\" That was a good beginning.]",
            "[{P.spot} sat {e.intro}. \"You look lost,\" said {e}. \"I am,\" said {h}. \"I want "
            "to go home.\" \"[Follow the stream|Follow the evening star|Walk toward the sound of "
            "the bell],\" said {e}, \"and you cannot go wrong.\""
            "|{Suddenly} {he} heard a voice. \"Who is there?\" It was {e.intro}. {H} told {e.him} "
            "everything. \"I know your {h.home},\" said {e}. \"Do you see that tall tree? Behind "
            "it the path begins.\""
            "|Then {e.intro} came along. \"Please,\" said {h}, \"which way is home?\" \"I know "
            "many ways,\" said {e}, \"but yours I can smell. Somebody over there is making "
            "{food}.\""
            "|Something moved. {H} held {his} breath. It was only {e.intro}, who was out for an "
            "evening walk. \"Good evening,\" said {e}. \"You are a long way from home.\" \"Do you "
            "know where it is?\" asked {h}. \"I know the way to the [bridge|mill],\" said {e}, "
            "\"and from there you can see your own chimney.\""
            "|\"Can I help you?\" asked {e.intro}. \"Yes, please,\" said {h}. {E} did not talk "
            "much. {E.he} only pointed with one finger, up the path, over the stile, and down "
            "toward a light.]",
            ">"
            "[{h} thanked {e.him} and {h.ran} as fast as {he} could. The trees grew lighter, the "
            "path grew wider, and there, at last, was {his} {h.home}."
            "|And so {h} did just that. It was a long way, but soon {he} saw a stone {he} knew, "
            "and then a bush {he} knew, and then a light in a window."
            "|{H} did as {he} was told. {He} walked and walked. And when the first star came out, "
            "{he} saw {his} own {h.home}."
            "|{h} said thank you and ran. {His} feet knew it first: here was the soft moss, here "
            "was the puddle, here was the gate. And there was home!]",
            "[{M} stood at the door and {waits.m}. \"There you are!\" {m.he} said and held {him} "
            "tight. \"I am so glad you are home.\""
            "|\"Where have you been?\" called {m}. \"I was lost,\" said {h}, \"but now I am "
            "found.\" And {m.he} gave {him} {food} and a very long hug."
            "|{M} ran to meet {him}. {M.he} was not angry at all. {M.he} just hugged {him} and "
            "hugged {him}. \"Next time I will stay near,\" {h} promised."
            "|A lamp was burning in the window. When {h} opened the door, it smelled of {food}. "
            "{M} looked up, and nothing in the world was as nice as that face."
            "|\"I am home!\" {h.cried} {h}. {M} dropped {m.his} spoon and ran to the door. For a "
            "long time neither of them let go.]",
        },
    },
    {
        .name = "key_and_door",
        .flags = WEIR_STORY_FRIENDS,
        .about = "[a secret door"
            "|an old key"
            "|a secret garden]",
        .who = "[who finds a key"
            "|who opens a secret door"
            "|who has a secret]",
        .title = "[The Secret Door"
            "|{h.T} and the Little Key"
            "|What the Key Opened]",
        .brief =
            "[{h.first} found a little key {p.spot}, but it fitted no door. With {f.intro}, {he} "
            "tried every lock until they found a small door behind the ivy. Behind it was a "
            "secret garden, and it became their favorite place."
            "|{oneday}, {h.first} found a rusty key. {F.intro} helped {him} look for the right "
            "door, and {atlast} they found it behind a wall of ivy. Behind the door was a garden "
            "that nobody else knew.]",
        .beats = {
            "[{oneday}, {h} found a key {p.spot}. It was small and old, and a little rusty. "
            "\"Every key has a door,\" said {h}. \"I wonder where yours is.\""
            "|{oneday}, {h} was digging {p.in} when {he} heard a clink. It was a key! \"What do "
            "you open?\" {asked} {h}. But the key said nothing."
            "|{Oneday}, a [crow|magpie] dropped something shiny right in front of {h}. It was a "
            "key, no longer than a finger."
            "|The river had washed something up. It glittered between two stones. {H} picked it "
            "up, and it was a tiny key with a heart on it.]",
            "[{h} tried it at home. It was too small for the door and too big for the clock. So "
            "{he} asked {f.intro}. \"How exciting!\" said {f}. \"Let us try every door there is.\""
            "|{He} showed it to {f.intro}. \"A secret!\" whispered {f}, and {f.his} eyes shone. "
            "\"Let us find the door together, and tell nobody.\""
            "|{His} friend was {f.intro}. {F} looked at the key from all sides. \"It smells of "
            "roses,\" {f.he} said. \"I think it is a garden key.\""
            "|\"It is not mine,\" said the shopkeeper. \"It is not mine,\" said the postman. Only "
            "{f.intro} looked at it for a long time. \"My grandmother told me about such a key,\" "
            "{f.he} said. \"Somewhere there is a door.\"]",
            ">"
            "[They tried the key in the mill, in the school and in the [baker's|miller's] door. "
            "The baker only laughed. \"That is not my key,\" he said, and gave them each a bun."
            "|They tried it in a red door, a green door and a blue door. It was too thick, too "
            "thin, too short. \"One more,\" said {h} each time. \"Just one more.\""
            "|All day they walked from door to door. Click, clack, no. Click, clack, no. \"I am "
            "tired,\" said {f}. \"Only one more,\" said {h}."
            "|By noon they had tried nineteen doors, a cupboard and a piano. None of them would "
            "open. {F} had a blister. \"The twentieth is always the right one,\" said {h}.]",
            "[Then they came to an old wall full of ivy. {H} leaned against it to rest, and "
            "something hard pressed into {his} back. It was a [lock|door handle]!"
            "|Behind the last house there was a wall that nobody looked at. But {f} pulled the "
            "ivy away, and there was a little green door."
            "|A [robin's|bird's] nest had fallen out of the ivy on the old wall. {H} climbed up "
            "to put it back, and behind the leaves {he} saw a keyhole."
            "|They wanted to turn around. But a butterfly flew along the old wall and "
            "disappeared, right through the leaves. \"How did it do that?\" asked {h}. {He} "
            "pushed the ivy aside. Behind it was a door.]",
            "[The key went in. {H} turned it slowly, and the door opened. There was a garden, "
            "full of roses, with a swing and a little pond. \"Oh,\" said {h}. \"Oh,\" said {f}."
            "|\"Do you want to turn it?\" {asked} {h}. \"We will do it together,\" said {f}. "
            "Click! The door swung open. Inside it was green and golden, and hundreds of flowers "
            "nodded at them."
            "|The key fitted! With a creak the door opened. Behind it lay a garden so wild and "
            "beautiful that they forgot to speak."
            "|It creaked as if it had been asleep for a hundred years. Inside stood apple trees "
            "and foxgloves, and there was a bench for just two people. Somebody had been waiting "
            "for them.]",
            "[{fromthen}, the garden was their secret. They planted beans and read books there, "
            "and when somebody was sad, they took them along, for a garden is too big for only "
            "two."
            "|They kept the key under a flat stone. And whenever they wanted to be quiet, or "
            "loud, or happy, they went through the little green door."
            "|\"Shall we tell the others?\" asked {f}. {H} thought about it. \"Tomorrow,\" {he} "
            "said. And tomorrow they did, and soon the garden was full of laughter."
            "|They weeded and watered and pulled out the thorns. In the evening they locked the "
            "door and took turns with the key, one night under this pillow, one night under that.]",
        },
    },
    {
        .name = "message_in_bottle",
        .place = WEIR_STORY_WATER,
        .about = "[a letter in a bottle"
            "|a message from far away"
            "|a friend far away]",
        .who = "[who finds a bottle with a letter"
            "|who writes to a friend far away]",
        .title = "[The Letter in the Bottle"
            "|{h.T} and the Letter"
            "|A Friend across the Water]",
        .brief =
            "{h.first} found a bottle with a letter {p.in}. It came from {f.intro}, who had no "
            "friends. {H} wrote back, and in summer {f} came to visit.",
        .beats = {
            "[{oneday}, {h} was {p.in} when {he} saw something green in the water. It was a "
            "bottle, and in the bottle was a letter!"
            "|{oneday}, {h} went {p.to} to look at the waves. Something bumped against the "
            "stones. Bump, bump. It was a bottle with a roll of paper inside."
            "|{P.spot}, {h} found an old bottle. {He} wanted to throw it away, but then {he} saw "
            "that there was paper in it."
            "|The tide had gone out. Between the pebbles lay a bottle, and it was not empty. {H} "
            "held it up to the sun. There was something written inside.]",
            "[{he} pulled out the cork and read: \"Hello! I am {f.n}. I am {f.a}, and I live on "
            "the other side of the water. I have nobody to play with. Who are you?\""
            "|The letter said: \"Dear finder, my name is {f.n}. I am {f.a}. Here there is only "
            "sand and wind. Please write to me.\""
            "|The writing was crooked. \"To whoever finds this,\" it said. \"I am {f.n} the "
            "{f.k}, and I am lonely. Do you like [pancakes|riddles|rain]? I do.\""
            "|\"If you can read this,\" it said, \"then please wave. I am {f.n}, {f.a}, and I "
            "live on the far side, where the lighthouse is. I have waved every day, but nobody "
            "waves back.\"]",
            "[{h} {look.surprised}. Somebody was lonely, somewhere out there! {He} ran home and "
            "got paper and a pencil. \"Dear {f.call},\" {he} wrote, \"I like {h.food}, and I "
            "would like to be your friend.\""
            "|\"I must answer,\" said {h}. {He} wrote a long letter about {his} {h.home} and "
            "about {p}. {He} drew a picture, too. Then {he} put it all in the bottle."
            "|{h} read the letter three times. Then {he} wrote back: \"Dear {f.call}, now you "
            "have a friend. I am {h.a}. Come and see me!\""
            "|\"Somebody should answer,\" said {h}. {He} took {his} best paper. It was hard to "
            "find the right words, and so {he} wrote the simple ones: \"I am here. Who are you? "
            "What is your favorite color? Mine is green.\"]",
            "[{He} pushed the cork in and threw the bottle as far as {he} could. The water "
            "carried it away, and it grew smaller and smaller until it was a green dot."
            "|\"Swim well,\" said {h} to the bottle. It danced on the waves and was gone."
            "|{h} kissed the bottle for luck and put it on the water. First it did not want to "
            "go. Then the current took it, and it nodded to {him} as it left.]",
            "~"
            "[Then {he} waited. {He} waited one week, two weeks, three weeks. Every morning {he} "
            "went {p.to}, and every morning there was only water."
            "|Days went by. \"Perhaps the bottle sank,\" thought {h}. {He} was "
            "{feel.disappointed}. But {he} went {p.to} every day."
            "|Every time something glittered on the water, {his} heart jumped. Mostly it was a "
            "fish. Once it was a spoon.]",
            "[Then, one evening, a little boat came over the water. Somebody in it was waving a "
            "letter. \"Is there {h.a} here?\" called a voice. \"I am {f.n}!\""
            "|One morning somebody stood on the shore. It was {f.a}, with wet feet and a big "
            "smile. \"I got your letter,\" said {f}. \"So I came.\""
            "|{oneday}, there was a sail, no bigger than a handkerchief. It came straight toward "
            "{him}. \"Hello!\" somebody shouted. \"I am {f.n}! I came to see if your eyes are "
            "green, too!\"]",
            "[They talked until the moon was high, for they had so much to tell each other. And "
            "the bottle got a place of honor in the window."
            "|{h} made {food}, and {f} ate three helpings. They played {p.in} all summer. And "
            "when {f} went home, they wrote to each other every week."
            "|\"I was so lonely,\" said {f}. \"And I did not even know that I was,\" said {h}. "
            "They both laughed."
            "|And so two who had been lonely were not lonely any more, all because of one old "
            "bottle.]",
        },
    },
    {
        .name = "map_treasure",
        .flags = WEIR_STORY_FRIENDS,
        .about = "[a treasure map"
            "|a hunt for treasure"
            "|buried treasure]",
        .who = "[who finds a treasure map"
            "|who looks for treasure]",
        .title = "[The Treasure Map"
            "|{h.T} and the Treasure"
            "|What Was in the Chest]",
        .brief =
            "[{h.first} and {f.intro} found an old map with a red cross. They followed it {p.to} "
            "and dug up a chest. In it was no gold but {t.a}, and they had more fun with it than "
            "with any gold."
            "|{oneday}, {h.first} found a treasure map. Together with {f.intro}, {he} dug {p.in} "
            "all day. They found a chest with {t.a}, and they were the happiest treasure hunters "
            "in the world.]",
        .beats = {
            "[{oneday}, {h} found an old piece of paper behind a loose board. There were lines on "
            "it, and dots, and a big red cross. \"A treasure map!\" {he} cried."
            "|{oneday}, the wind blew a yellow paper right into {h.n}'s face. It was a map. \"Go "
            "{p.to},\" it said, \"and dig at the cross.\""
            "|When {h} cleaned the attic, {he} found a map in an old boot. It showed {p} and a "
            "red cross."
            "|In the pocket of an old coat {h} found a map. It had been folded so often that it "
            "almost fell apart. In the corner was a red cross, and under the cross it said: \"Dig "
            "deep.\"]",
            "[{he} ran to {f.intro}. \"Look what I have!\" {F} studied the map upside down. \"I "
            "see a duck,\" {f.he} said. Then {h} turned it around, and {f} said, \"Oh! A "
            "treasure!\""
            "|\"This is too exciting for one,\" said {h}. So {he} fetched {f.intro}, who owned a "
            "very good shovel."
            "|{F.intro} was {his} best friend, so of course {f} had to come, too. They packed "
            "{food} and a long rope."
            "|Of course {he} told {f.intro}. {F} was so excited that {f.he} put {f.his} boots on "
            "the wrong feet. \"We need a shovel, a lamp, and something to eat,\" {f.he} said, "
            "\"most of all something to eat.\"]",
            ">"
            "[They walked twenty steps from the big stone and ten steps to the left. \"Nineteen, "
            "twenty, one, two,\" counted {h}. Then they stood {p.spot}."
            "|The map was not easy to read. They crossed a stream that was a road, and a road "
            "that was a stream. {atlast} they came {p.to}."
            "|\"First to the crooked tree,\" read {f}, \"then over the bridge, then {p.to}.\" "
            "They sang a song about pirates all the way."
            "|\"Seven steps to the north,\" {h} read. \"Which way is north?\" asked {f}. They "
            "asked a robin. They asked a signpost. In the end they found the place, {p.in}, "
            "{p.spot}.]",
            "[\"Here!\" said {h}. They began to dig. They dug until their arms hurt. \"Nothing "
            "but worms,\" sighed {f}. \"A little deeper,\" said {h}."
            "|They dug and dug. First they found a boot, then a spoon, then nothing for a long "
            "time. Then the shovel went bang. It was a chest!"
            "|{H} dug and {f} carried the earth away. When the hole was so deep that only {h.n}'s "
            "{h.body} could be seen, there was a loud clonk."
            "|They took turns. One dug, and the other one sang. They had sung all the songs they "
            "knew, and some of them twice, when the shovel hit wood.]",
            "[Together they lifted the lid. There was no gold in it and no silver. There was only "
            "{t.a} and a note. \"The real treasure,\" said the note, \"is the one who digs with "
            "you.\""
            "|The chest creaked open. Inside lay {t.a}, wrapped in an old cloth. \"Somebody loved "
            "this once,\" said {h} softly. \"And now we will,\" said {f}."
            "|\"One, two, three!\" They opened the chest. It was full of sand! But under the sand "
            "{f} felt something, and pulled out {t.a}."
            "|With a crack the lid flew open. {F} held up the lamp. There lay {t.a}, clean and "
            "beautiful, as if it had been put there yesterday. Under it was a card: \"You have "
            "found it. Now it is yours, both of you.\"]",
            "{!has h t}",
            "[\"I wanted gold,\" said {f}. Then {f.he} looked at {h}, and both of them were "
            "covered with mud from head to toe. They laughed so hard that they fell into the hole."
            "|They carried {t} home in the evening sun. One day {h} had it, the next day {f}, and "
            "they never quarreled about it."
            "|\"Tomorrow we will draw a map ourselves,\" said {h}, \"and hide something for "
            "somebody else to find.\" And that is what they did."
            "|\"So there was no gold,\" said {h}. \"But we had a whole day of adventure,\" said "
            "{f}, and yawned. {T} got a place of honor on the shelf.]",
        },
    },
    {
        .name = "lost_baby_bird",
        .flags = WEIR_STORY_BRAVE,
        .not_hero = WEIR_STORY_TINY | WEIR_STORY_FLIES,
        .about = "[a baby bird"
            "|a bird that fell from its nest"
            "|helping a small bird]",
        .who = "[who helps a baby bird"
            "|who finds a little bird]",
        .title = "[{h.T} and the Baby Bird"
            "|The Little Bird"
            "|Back to the Nest]",
        .brief =
            "{h.first} found a baby bird on the ground {p.in}. {He} kept it warm and carried it "
            "up to its nest with the help of {f.intro}. The mother bird sang the loveliest song "
            "for them.",
        .beats = {
            "[{oneday}, {h} heard a tiny sound {p.in}. \"Peep, peep!\" {P.spot} sat a baby bird "
            "with hardly any feathers."
            "|{oneday}, after a [night of wind|storm], {h} found a baby bird {p.spot}. It had "
            "fallen from its nest."
            "|\"Peep!\" said something {p.spot}. {H} bent down. It was a baby bird, and it was "
            "all alone."
            "|The wind had blown all night. {H} was on {his} way {p.to} when {he} saw something "
            "small and gray {p.spot}. It opened its beak. \"Peep,\" it said.]",
            "[\"Where is your mother?\" asked {h}. \"Peep,\" said the bird. It was shaking with "
            "cold. {H} wrapped it in [a soft leaf|some dry grass] and blew on it gently."
            "|{He} held it carefully against {his} chest, where it was warm. The bird closed its "
            "eyes. \"Do not be afraid,\" whispered {h}. \"I am here.\""
            "|The little bird opened its beak as wide as it could. It was hungry! {H} found a few "
            "seeds and fed it, one by one."
            "|{h} looked left and right. There was a cat on the wall, and the cat was licking its "
            "lips. \"Oh no,\" said {h}. {He} picked up the little bird and held it close.]",
            "[High up in the tree {he} saw the nest. It was very high. {H} looked at the tree, "
            "and {he} looked at the bird. \"We have to go up there,\" {he} said, and {his} knees "
            "felt weak."
            "|\"Your home is up there,\" said {h}. The tree was taller than the church. But who "
            "else was there to help?"
            "|The nest was at the very top of the tallest tree {p.in}. \"I cannot do that "
            "alone,\" thought {h}."
            "|\"I am not a bird,\" said {h}. \"I cannot teach you how to fly, and I cannot sing. "
            "You need your mother.\" {He} looked up. There was the nest, far up in the crown of "
            "the tree.]",
            "[{H} called {f.intro}. \"You hold the branch,\" {h} said, \"and I will climb.\" And "
            "so they did it, step by step and branch by branch."
            "|{F.intro} was just coming along. \"Climb on my back,\" said {f}, \"then you can "
            "reach the first branch.\" The rest {h} climbed alone, with the bird in {his} scarf."
            "|\"I will help,\" said {f.intro}, who had watched it all. {F} brought a long rope, "
            "and {h} climbed, and {f} held the rope tight."
            "|{h} asked everyone who came by. \"It is too high,\" said one. \"It is too late,\" "
            "said another. Only {f.intro} said, \"Let us try it.\" {F} stood under the tree with "
            "open arms, just in case, and {h} began to climb.]",
            "~"
            "[Once {his} foot slipped. Once a branch cracked. {H} closed {his} eyes, counted to "
            "three and went on."
            "|\"Do not look down!\" called {f}. So {h} looked up, and up, and up."
            "|The higher {he} came, the thinner the branches were. They swayed like a boat. "
            "\"Peep?\" asked the bird. \"Almost,\" said {h}.]",
            "[{atlast} {he} reached the nest and put the little bird inside, next to its brothers "
            "and sisters. \"Peep, peep, peep!\" they all said."
            "|Then {he} was there. In the nest sat two more baby birds. They moved a little "
            "closer together, and there was room for three again."
            "|One more branch, and one more. Then {he} looked over the edge of the nest. Two "
            "hungry beaks were pointing at {him}. \"I have brought you your brother,\" said {h}, "
            "and set the little bird down, very gently.]",
            "[In that moment the mother bird came back. She looked at her three children, and "
            "then at {h}. And she sang a song so sweet that the whole place fell silent."
            "|\"Thank you,\" said the mother bird. \"You are welcome,\" said {h}, and "
            "{look.proud}. Every morning after that, the birds sang under {his} window."
            "|In the summer {h} heard a \"Peep!\" above {him}. It was the little bird, and it "
            "could fly!"
            "|The mother bird flew three times around {h.n}'s head. That was her way of saying "
            "thank you. {F} clapped from below, and then {h} only had to come down again, and "
            "that was almost the hardest part.]",
        },
    },
    {
        .name = "wrong_bag",
        .flags = WEIR_STORY_FUNNY | WEIR_STORY_FRIENDS,
        .about = "[two bags that look the same"
            "|a funny mix-up"
            "|a silly mistake]",
        .who = "[who takes the wrong bag"
            "|who takes something home by mistake]",
        .title = "[The Wrong Bag"
            "|A Funny Mix-Up"
            "|{h.T} and the Wrong Bag]",
        .brief =
            "{H.first} and {f.intro} had bags that looked just the same. By mistake they took "
            "each other's bag home, and both of them were very surprised. The next day they "
            "laughed, swapped the bags and had lunch together.",
        .beats = {
            "[{oneday}, {h} went {p.to} with a brown bag. In the bag were {his} lunch and {his} "
            "socks. On the next seat sat {f.intro}, and {f.he} had a brown bag, too."
            "|{H} had a brown bag, and so had {f.intro}. The bags were as alike as two peas. And "
            "{oneday} both of them rested {p.in}, on the same bench.]",
            "[{later} they both got up. {H} took a bag, and {f} took a bag. \"Good day,\" they "
            "said, and neither of them noticed anything."
            "|Then it began to rain, and both of them grabbed a bag and ran. You can guess what "
            "happened.]",
            "[At home {h} opened the bag. Out fell [a false nose|three green frogs made of "
            "rubber|a wig] and {t.a}. \"That is a strange lunch,\" said {h}."
            "|When {h} reached into the bag for {his} lunch, {he} found {t.a} and a jar of "
            "pickles. \"Did I pack this in my sleep?\" {he} wondered.]",
            "{!has h t}",
            "[At the same time {f} bit into one of {h.n}'s socks. \"This is the worst pancake I "
            "have ever had,\" {f.he} said."
            "|In {f.his} own house, {f} put on a pair of socks that were much too small. \"My "
            "feet have grown overnight!\" {f.he} cried.]",
            "[{nextday}, both of them went back {p.to}. \"Excuse me,\" said {h}, \"do you like "
            "pickles?\" \"Excuse me,\" said {f}, \"are these your socks?\" Then they looked at "
            "each other and burst out laughing."
            "|{nextday}, they met {p.in}. {H} wore the false look of somebody who knows nothing, "
            "and so did {f}. Then {f} sneezed, {h} giggled, and in the end they rolled on the "
            "ground with laughter.]",
            "{!give h f t}",
            "[{f} got back {f.his} {t.n}, and {h} got back {his} socks. And because they were "
            "hungry from laughing, they ate the pickles together."
            "|They swapped the bags. Then {h} tied a red ribbon to {his}. \"A good idea!\" said "
            "{f}, and tied a red ribbon to {f.his}, too. And so it all happened again the next "
            "week.]",
        },
    },
    {
        .name = "echo_friend",
        .flags = WEIR_STORY_FRIENDS,
        .place = WEIR_STORY_PEAK,
        .traits = "shy,lonely,quiet,dreamy,gentle",
        .about = "[an echo"
            "|a voice on the mountain"
            "|a lonely {h.k} and an echo]",
        .who = "[who hears an echo"
            "|who talks to an echo]",
        .title = "[{h.T} and the Echo"
            "|The Voice on the Mountain"
            "|Who Is There?]",
        .brief =
            "{h.first} heard a voice {p.in} that said everything twice. {He} went to find it, but "
            "it was only an echo. Instead {he} found {f.intro}, who had been looking for the "
            "voice, too.",
        .beats = {
            "[{oneday}, {h} climbed {p.to} and said \"Hello\" to nobody. \"Hello,\" said a voice. "
            "{H} {look.surprised}."
            "|{oneday}, {h} was sitting {p.in}. \"I am bored,\" {he} said. \"I am bored,\" "
            "answered somebody far away."
            "|{H} liked to sing, but only where nobody could hear {him}. {Oneday} {he} sang "
            "{p.in}, and somebody sang along."
            "|It was one of those days when {h} did not know what to do. {He} went {p.to} and "
            "called, just for fun, \"Is anybody there?\" \"Anybody there?\" asked somebody.]",
            "[\"Who are you?\" called {h}. \"Who are you?\" called the voice. \"I asked first!\" "
            "\"I asked first!\" It was a very strange talk."
            "|\"Will you be my friend?\" asked {h}. \"Be my friend,\" said the voice. {H} was "
            "{feel.happy}. Nobody had ever said that to {him}."
            "|\"Where do you live?\" called {h}. \"You live,\" said the voice. That was not much "
            "of an answer."
            "|{h} sneezed. The voice sneezed, too. {H} laughed, and the voice laughed with {him}. "
            "It was nice to laugh together.]",
            ">"
            "[{nextday}, {h} packed some {h.food} and went to find {his} friend. {He} looked "
            "{p.spot}, and {he} looked behind every rock. There was nobody."
            "|So {h} went to look for the voice. \"I am coming!\" {he} called. \"Coming!\" said "
            "the voice. {He} walked and walked, but the voice was always somewhere else."
            "|\"Wait for me!\" called {h}, and {he} packed some bread for two. {He} climbed over "
            "stones and through thorns. But whoever it was never came any nearer.]",
            "[{atlast} {he} met {e.intro}. \"You are looking for the echo,\" said {e} kindly. "
            "\"It is only your own voice that comes back to you.\" {H} {look.sad}."
            "|Then {he} understood. The voice was {his} own. It was only an echo. {He} sat down "
            "and felt more alone than before."
            "|Slowly {h} began to understand. Whatever {he} said, the voice said it, too, and "
            "never anything else. \"It is just me,\" {he} said. \"It is just me,\" said the "
            "voice, and it sounded as sad as {he} was.]",
            "[\"Hello?\" called somebody. {H} did not answer. It was only the echo again. But "
            "{he} had not said anything! {He} looked up. There stood {f.intro}. \"Are you the "
            "voice?\" asked {f}. \"I have been looking for you all day.\""
            "|{suddenly} somebody sneezed. {H} had not sneezed. So it could not be the echo! "
            "Behind a rock sat {f.intro}, who was looking for the voice, just like {him}."
            "|\"Why did you stop calling?\" asked somebody. {H} turned around. There, a little "
            "out of breath, stood {f.intro}. \"I heard two voices,\" said {f}, \"and I thought, "
            "one of them must be real.\"]",
            "[\"I am not the voice,\" said {h}. \"I am only {h.a}.\" \"That is even better,\" "
            "said {f}. \"You can say things I do not know yet.\""
            "|They looked at each other and smiled. Then they called \"Hello!\" both together, "
            "and the mountain answered with two voices."
            "|\"Are you another echo?\" asked {h}. \"Pinch me,\" said {f}. {H} did. \"Ouch!\" "
            "said {f}. And nobody had ever been so glad about an ouch.]",
            "[{fromthen}, they met every day. And when they laughed, the whole valley laughed "
            "with them."
            "|And the echo? It is still there. But now it has to say everything for two."
            "|They still go up there sometimes. \"Good night!\" they call. \"Good night!\" calls "
            "the mountain. And then they walk home together.]",
        },
    },
    {
        .name = "borrowed_thing",
        .flags = WEIR_STORY_FRIENDS,
        .object = WEIR_STORY_FRAIL,
        .about = "[a promise"
            "|keeping a promise"
            "|borrowing {o.an}]",
        .who = "[who keeps a promise"
            "|who borrows {o.an}"
            "|who makes a promise]",
        .title = "[The Promise"
            "|{h.T} Keeps a Promise"
            "|The Borrowed {o.T}]",
        .brief =
            "{h.first} borrowed {o.a} from {f.intro} and promised to bring it back before night. "
            "A storm came up, but {h} walked through the rain with {o} under {his} coat. \"I knew "
            "you would come,\" said {f}, and made {him} a hot drink.",
        .beats = {
            "{!has f o}",
            "[{oneday}, {h} needed {o.an}. {His} friend {f.n} the {f.k} had one. \"May I borrow "
            "it?\" asked {h}. \"Yes,\" said {f}, \"but please bring it back tonight. I need it "
            "tomorrow morning.\" \"I promise,\" said {h}."
            "|{H} had a friend, {f.intro}, who owned {o.a}. \"Can you lend it to me for one "
            "day?\" {h} asked. \"If you promise to bring it back before dark,\" said {f}. {H} "
            "promised."
            "|{F.intro} had {o.a}, and {h} was allowed to borrow it. \"Bring it back this "
            "evening,\" said {f}. \"It belonged to my grandfather.\" \"You have my word,\" said "
            "{h}.]",
            "{!give f h o}",
            "[All day {h} was {feel.happy} with {o}. {He} took it {p.to}, and everybody came to "
            "see it."
            "|{H} used {o} all day long {p.in}. The hours flew by like birds."
            "|It was a wonderful day {p.in}. {H} had so much fun with {o} that {he} did not look "
            "at the sky."
            "|{he} showed {o} to everyone {p.in}, and everyone wanted to hold it for a moment. "
            "{H} watched over it like a hen over an egg.]",
            "[But in the evening dark clouds came up. It thundered and it rained. \"Stay here,\" "
            "said the others. \"You can bring it back tomorrow.\" {H} shook {his} head. \"I "
            "promised,\" {he} said."
            "|Then it was late, and a storm was coming. {H} was tired. {His} {h.home} was near, "
            "and {f.n}'s house was far. \"Tomorrow would be easier,\" {he} thought. But a promise "
            "is a promise."
            "|When the sun went down, {h} remembered. And just then it began to snow! \"{F} will "
            "understand,\" said a voice in {his} head. \"But I gave my word,\" said another."
            "|When it was time to go, the sky was as black as ink. \"Nobody will be angry if you "
            "come tomorrow,\" said a voice. It was only {h}'s own tired voice. {He} told it to be "
            "quiet.]",
            "[{he} wrapped {o} in a cloth so that it stayed dry. Then {he} went out. The wind "
            "pushed {him} back, and the path was all mud. {H} held {o} tight and went on, step by "
            "step."
            "|{he} hid {o} under {his} coat and ran. {He} fell down twice. Both times {he} held "
            "{o} up high, and it did not get one scratch."
            "|It was so dark that {he} could not see {his} own feet. Twice {he} lost the path, "
            "and twice {he} found it again."
            "|The rain came from the side. Once {he} lost a boot in the mud. {He} went back for "
            "{o}, which had slipped from {his} hands, but {he} did not go back for the boot.]",
            "{!give h f o}",
            "[{f} opened the door. There stood {h}, wet from head to toe. \"Here is your {o.n},\" "
            "{he} said. \"I promised.\" \"I knew you would come,\" said {f}. \"That is why I kept "
            "the soup warm.\""
            "|Knock, knock! {F} looked out. \"In this weather?\" {f.he} cried. \"You could have "
            "come tomorrow!\" \"But I said today,\" said {h}, and {his} teeth chattered."
            "|It was almost night when {h} stood before {f.n}'s door and gave {o} back. {F} "
            "pulled {him} inside, put {him} by the fire and gave {him} {food}."
            "|{f} was sitting by the window. \"Nobody can get through this,\" {f.he} thought. "
            "Then there was a knock. It was {h}, with leaves in {his} hair and one bare foot. \"I "
            "am a little late,\" {he} said, and held out {o}.]",
            "[\"You can borrow anything I have,\" said {f}, \"because I can trust you.\""
            "|The rain beat against the window. Inside, the two friends sat by the fire and told "
            "stories until the storm was over."
            "|{H} was cold, but inside {he} felt warm. It is a good feeling to keep a promise."
            "|Some people have a lock on their door. {F} only needed one word from {h}. That was "
            "safer than any lock.]",
        },
    },
    {
        .name = "star_fallen",
        .flags = WEIR_STORY_BEDTIME,
        .place = WEIR_STORY_WILD,
        .about = "[a fallen star"
            "|a little star that is lost"
            "|bringing a star home]",
        .who = "[who finds a fallen star"
            "|who helps a little star]",
        .title = "[The Fallen Star"
            "|{h.T} and the Little Star"
            "|A Star Goes Home]",
        .brief =
            "one night, {h.first} found a little star that had fallen from the sky. {He} carried "
            "it up the highest hill, and there the wind took it home. Now one star winks at {h} "
            "every night.",
        .beats = {
            "[One night {h} could not sleep. {He} looked out and saw a light fall from the sky. "
            "It fell {p.to}, without a sound."
            "|One evening {h} was {p.in} when something bright came down from the sky. It landed "
            "{p.spot}."
            "|One night there was a small bright light {p.spot}. {H} thought it was a firefly. "
            "But it was crying, and fireflies do not cry."
            "|It was a clear, cold night. Something hissed, something flashed, and then it was "
            "dark again. But {p.spot} a small light was glowing.]",
            "[{He} {h.went} closer. It was a star, no bigger than an apple. \"I fell down,\" it "
            "sobbed. \"I wanted to see the earth, and I leaned out too far.\""
            "|It was a little star! \"I was dancing with my brothers and sisters,\" it said, "
            "\"and I slipped. Now I do not know how to get back.\""
            "|\"Please do not be frightened,\" said the star. \"I am only lost. Up there they are "
            "all looking for me.\""
            "|\"Are you hurt?\" asked {h}. \"Only a little bent,\" said the star, and showed "
            "{him} one of its five points. \"I let go for just a moment. I have never been so far "
            "from home.\"]",
            "[\"I will bring you home,\" said {h}. {He} did not know how, but {he} said it "
            "anyway. The star stopped crying and shone a little brighter."
            "|{h} took it carefully in both arms. It was warm like fresh bread. \"We need to go "
            "up,\" said {h}, \"as high as we can.\""
            "|{h} wrapped it in {his} scarf, and still the light came through. \"What do stars "
            "need?\" asked {h}. \"Only height,\" said the star.]",
            ">"
            "[They asked {e.intro}. \"The sky is nearest on the highest hill,\" said {e}. \"And "
            "the north wind passes there at midnight.\""
            "|They met a moth, who bowed, and a bat, who blinked. \"To the highest hill,\" they "
            "both said. \"There the wind will help you.\""
            "|{h} climbed and climbed. The star lit the way, so that {he} did not stumble once. "
            "They told each other about their homes, and the time passed quickly."
            "|\"I can carry you,\" said {h}, \"but where to?\" An owl turned its head. \"Up,\" it "
            "said. \"It is always up.\" So {he} walked through the dark forest, and it was not "
            "dark, because {he} carried a star.]",
            "[On top of the hill it was still. Then a wind came up. \"Now,\" said the star. {H} "
            "threw it as high as {he} could, and the wind caught it and carried it up, up, up."
            "|At the top they waited. \"I will miss you,\" said {h}. \"I will be there every "
            "night,\" said the star. Then the night wind came, lifted it gently, and took it home."
            "|The last part was steep. At the very top {h} stood on {his} toes and held the star "
            "up with both arms. It trembled. It floated. \"Thank you,\" it sang, and it rose like "
            "a bubble in a glass.]",
            "[{h} went home and crept into bed. Outside the window one small star winked, once, "
            "twice, three times. \"Good night,\" whispered {h}, and fell asleep."
            "|{H} was so tired that {he} hardly found {his} bed. But before {he} closed {his} "
            "eyes, {he} looked up. There it was, between two big ones, and it twinkled just for "
            "{him}."
            "|And if you look up on a clear night, you can see it, too. It is the one that winks. "
            "Good night."
            "|When {h} lay in bed at last, there was a little stardust on {his} fingers. It shone "
            "for a while under the blanket. And then {he} was asleep.]",
        },
    },
    {
        .name = "wandering_hat",
        .flags = WEIR_STORY_FUNNY,
        .place = WEIR_STORY_GREEN,
        .weather = WEIR_STORY_WIND,
        .about = "[a hat that blew away"
            "|a runaway hat"
            "|the wind and a hat]",
        .who = "[who chases {his} hat"
            "|whose hat blows away]",
        .title = "[The Runaway Hat"
            "|{h.T} Chases a Hat"
            "|Stop That Hat!]",
        .brief =
            "The wind blew away the hat of {h.first}, and {he} ran after it through the whole "
            "village. Everyone who tried to catch it fell over. In the end a bird sat down in it, "
            "and {h} let her keep it as a nest.",
        .beats = {
            "[{oneday}, {h} put on {his} best hat. {W.line} \"What a fine hat I have,\" said {h}. "
            "\"What a fine hat!\" said the wind, and took it."
            "|{H} had a new hat, and {oneday} {he} wore it for the first time. Whoosh! The wind "
            "came around the corner, and the hat flew off."
            "|{W.line} {H} was proudly wearing a hat with a ribbon. \"Today nobody will forget to "
            "say hello to me,\" {he} said. Puff! The hat jumped off {his} head and ran.]",
            "[\"Stop!\" cried {h} and ran after it. The hat hopped over a fence. {H} climbed over "
            "the fence. The hat rolled through a puddle. {H} ran through the puddle."
            "|\"My hat!\" {he} shouted. The hat danced in the air, turned around twice, and flew "
            "{p.to}."
            "|The hat rolled down the street on its brim like a wheel. {H} ran after it. A dog "
            "thought it was a game and ran along as well.]",
            "[A baker tried to catch it and fell into his flour. \"My flour!\" he cried, and ran "
            "along behind {h}, all white."
            "|A farmer jumped for it and landed in the hay. Then he ran along as well, with straw "
            "in his beard."
            "|A policeman blew his whistle. \"Stop, hat!\" he ordered. But the hat did not "
            "listen, and so the policeman ran, too."
            "|\"I have got it!\" shouted the teacher, and sat down on it. But when he got up, "
            "there was only a wet patch. \"I had it,\" he said, and joined the others.]",
            "[Soon half the village was running after one hat. First came {h}, then {f.intro}, "
            "then three dogs and a goatherd. \"What are we chasing?\" asked somebody at the back. "
            "\"I do not know,\" said {f}, \"but it is fun!\""
            "|{F.intro} threw a net. The net came down on the mayor. \"Pardon,\" said {f}. Then "
            "{f} and the mayor ran along, too."
            "|\"Left!\" shouted {f.intro}, who was standing on a barrel and could see everything. "
            "\"No, right! Now up!\" They all ran left, right and up, and bumped into each other.]",
            "[{atlast} the hat got stuck in a tree {p.in}. {H} climbed up, all out of breath. But "
            "a bird was already sitting in it. \"What a lovely nest,\" said the bird. \"It even "
            "has a ribbon.\""
            "|Then the wind was tired and put the hat down on a branch. Before {h} could reach "
            "it, a bird had laid an egg in it."
            "|When they were all quite out of breath, they heard somebody giggle. High up, "
            "{p.in}, sat a small bird in the middle of the hat. She had already brought some "
            "moss.]",
            "[{h} looked at the bird, and the bird looked at {h}. \"You can keep it,\" said {h}. "
            "\"My ears like the wind anyway.\" And everyone went home laughing."
            "|\"Well,\" said {h}, \"now it is your hat.\" In spring three little birds looked out "
            "of it. And {h} wore a pot on {his} head when it rained."
            "|{h} scratched {his} bare head. It felt rather fresh and free. \"It suits you better "
            "than me,\" {he} told the bird, and bowed. That is how one says goodbye to a hat.]",
        },
    },
};
/* clang-format on */

const weir_story_plots weir_story_plots_lost = {plots, sizeof(plots) / sizeof(plots[0])};
