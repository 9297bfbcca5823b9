/*
 * gen_plots_learn_tables.c: plots: mistakes and what they teach. gen_story.h explains slots and
 * marks.
 */
#include "train/gen_story.h"

/* clang-format off */
static const weir_story_plot plots[] = {
    {
        .name = "broken_vase",
        .flags = WEIR_STORY_PARENT,
        .about = "[telling the truth"
            "|a mistake"
            "|owning up to a mistake]",
        .who = "[who breaks something and tells the truth"
            "|who makes a mistake"
            "|who tells a lie and is sorry]",
        .title = "[The Broken Vase"
            "|{h.T} Tells the Truth"
            "|It Was Me]",
        .brief =
            "{h.first} broke a blue vase and hid the pieces. {He} could not eat and could not "
            "sleep until {he} told {m} the truth. {M} hugged {him}, and together they glued the "
            "vase.",
        .beats = {
            "[On the shelf stood a blue vase, and {m} loved it very much. \"Please do not play "
            "near it,\" {m.he} said. But {oneday} {h} threw {his} ball just once, just a little. "
            "Crash!"
            "|{oneday}, {h} was home alone. {He} danced around the room like a "
            "[king|horse|whirlwind], and {his} elbow hit the blue vase. It fell, very slowly, and "
            "broke into seven pieces."
            "|The blue vase had come a long way, over seven seas, and {m} dusted it every day. "
            "{H} was not allowed to touch it. {He} did not touch it. It was only the pillow that "
            "touched it, when {he} threw it.]",
            "[{h} {look.afraid}. What now? Quickly {he} swept up the pieces and hid them under "
            "{his} bed. {He} put a [plant|hat] where the vase had been."
            "|\"Nobody saw it,\" said {h}, and looked around. The pieces went into an old sock, "
            "and the sock went behind the stove."
            "|For a moment {h} stood there like a statue. Then {he} gathered up the pieces in "
            "{his} apron and buried them in the garden, under the beans.]",
            "[In the evening {m} asked, \"Have you seen my vase?\" {H} shook {his} head. "
            "\"Perhaps it was the [wind|cat next door],\" {he} said. {M} only looked at {him}."
            "|\"How strange,\" said {m}. \"The vase is gone.\" \"How strange,\" said {h}, and "
            "{his} ears grew hot. It was the first lie {he} had ever told."
            "|\"Has anybody been in here?\" asked {m}. \"A bird,\" said {h} quickly. \"A very big "
            "one.\" {He} looked out of the window, as if it might come back.]",
            "[At supper {h} was not hungry, although there was {food}. In bed {he} turned from "
            "one side to the other. It was as if the pieces were pricking {him} through the "
            "mattress."
            "|That night {h} could not sleep. The lie lay in {his} tummy like a cold stone, and "
            "it got heavier every hour."
            "|{m} tucked {him} in. \"Sleep well, my honest {h.k},\" {m.he} said. It was the word "
            "honest that hurt. {H} pulled the blanket over {his} head.]",
            "-"
            "[{he} thought of saying nothing. {He} thought of running away to sea. Neither of "
            "them seemed quite right."
            "|\"If I tell, {m.he} will be angry,\" thought {h}. \"If I do not tell, I will be "
            "angry with myself.\""
            "|The moon looked in at the window, and even the moon seemed to know.]",
            "[Then {he} could bear it no longer. {He} got up, fetched the pieces and went to {m}. "
            "\"It was me,\" {he} whispered. \"I broke it, and then I lied. I am so sorry.\""
            "|In the middle of the night {h} stood beside the bed of {m} with the sock in {his} "
            "hand. \"I have to tell you something,\" {he} said, and then it all came out, and a "
            "good many tears with it."
            "|Before the sun came up, {h} was digging in the garden. {He} carried the pieces to "
            "{m} in both hands. \"There was no bird,\" {he} said. \"There was only me.\"]",
            "[{m} was silent for a moment. Then {m.he} took {him} in {m.his} arms. \"I am sad "
            "about the vase,\" {m.he} said. \"But I am glad about you. It was hard to say that, "
            "and you said it.\""
            "|\"I know,\" said {m}. \"I found a blue piece on the floor. I was waiting for you to "
            "tell me.\" {M.he} was not angry at all."
            "|{m} looked at the pieces, and then at {h.n}'s muddy face. \"A vase can break,\" "
            "{m.he} said. \"It would be much worse if we could not believe each other.\" And "
            "{m.he} opened {m.his} arms.]",
            "[The next day they glued the vase together. It was a little crooked. But {m} put it "
            "back on the shelf, right in the middle, and {h} never saw a more beautiful one."
            "|{h} fell asleep at once. The stone was gone. And in the morning they mended the "
            "vase with a lot of glue and a lot of patience."
            "|It never held water again. So they put dried flowers in it, and those lasted longer "
            "anyway.]",
        },
    },
    {
        .name = "greedy_pie",
        .flags = WEIR_STORY_FRIENDS,
        .traits = "greedy,selfish,hungry",
        .about = "[being greedy"
            "|somebody who does not want to share"
            "|learning to share]",
        .who = "[who does not want to share"
            "|who learns to share"
            "|who eats too much]",
        .title = "[The Whole Pie"
            "|{h.T} Learns to Share"
            "|Mine!]",
        .brief =
            "{h.first} did not want to share {his} pie and hid with it in a hollow tree. {He} ate "
            "so much that {he} got stuck, and {f.intro} had to pull {him} out. After that, {h} "
            "gave everybody a piece.",
        .beats = {
            "[{oneday}, {h} baked a [blueberry|cherry|plum] pie. It smelled so good that everyone "
            "in the neighborhood came to the door. \"May we have a piece?\" asked {f.intro}."
            "|{oneday}, {h} found a whole pie on the window sill. \"For all of you,\" said a note "
            "beside it. {H} quickly ate the note. Then {f.intro} came along. \"Mmm,\" said {f}. "
            "\"Is there enough for two?\""
            "|There was one pie left at the fair, and {h} bought it with {his} last coin. It was "
            "still warm. \"Shall we share it?\" asked {f.intro}, who had carried {h.n}'s bags the "
            "whole day.]",
            "[\"No,\" said {h}. \"It is mine!\" {He} grabbed the pie and ran, as fast as one can "
            "run with a pie."
            "|\"There is nothing here,\" said {h}, and hid the pie behind {his} back. But you "
            "cannot hide such a smell. So {he} ran away."
            "|{h} thought of how small half a pie is. \"I am not hungry,\" {he} said, \"and I "
            "think it is burned.\" Then {he} slipped away with it when nobody was looking.]",
            "[Deep in the wood {he} found a hollow tree. {He} squeezed in through the hole. It "
            "was narrow and dark. \"Here nobody will find me,\" {he} said, and began to eat."
            "|{he} crept into an old barrel {p.in}, pulled the pie in after {him}, and ate. The "
            "first piece was wonderful. The second piece was good. The third piece was hard work."
            "|{he} climbed up into the hayloft, pulled up the ladder, and sat down in the "
            "farthest corner. \"Just me and you,\" {he} told the pie.]",
            "[{he} ate the whole pie, down to the last crumb. Then {he} wanted to get out. But "
            "{his} tummy was as round as a drum. {He} pushed, {he} pulled. {H} was stuck!"
            "|When the plate was empty, {h} felt ill. And when {he} wanted to climb out, {he} "
            "could not. \"I have grown!\" {he} cried. Only the front half of {him} stuck out."
            "|{he} ate until {he} could not see {his} feet any more. Now {he} wanted to go down "
            "again. But the hole in the floor had become too small, or somebody else had become "
            "too big.]",
            "-"
            "[It grew dark. It began to rain. {H} had never been so full and so alone."
            "|\"Help,\" said {h}, but not very loudly, because {he} felt {feel.ashamed}."
            "|Through the boards {he} could hear the others laughing and singing. It sounded "
            "nice. It had not sounded so nice when {he} was still hungry.]",
            "[Then somebody came with a lamp. It was {f}. \"Did you think I would go home without "
            "you?\" {f.he} asked. {F} pulled, and the others pulled, one behind the other. Plop! "
            "Out came {h}, and all of them fell over."
            "|{f} had followed the crumbs. \"Oh, {h.call},\" {f.he} said, and shook {f.his} head. "
            "Then {f.he} took {h} by the arms and pulled. It took until midnight."
            "|\"Hello?\" called {f}. \"Are you up there? There are crumbs on the ladder.\" {F} "
            "pushed from below and pulled from above. With a pop {h} came out and landed in the "
            "hay.]",
            "[\"You helped me,\" said {h}, \"although I did not give you anything.\" \"That is "
            "how it is with friends,\" said {f}. {H} {look.ashamed}."
            "|{h} did not know where to look. \"I am sorry,\" {he} said. \"It did not even taste "
            "good in the end. A pie is no fun when nobody says mmm.\""
            "|\"Was it good?\" asked {f}. {H} could have lied. \"The first piece was,\" {he} "
            "said. \"After that I kept thinking that you would have liked it.\"]",
            "[{nextday}, {h} baked a new pie, twice as big. {He} cut it into many pieces and gave "
            "the biggest to {f}. It was the best pie of {his} life."
            "|The next week there was pie for everyone. {H} got the smallest piece, and it was "
            "just enough."
            "|{nextday}, {h} got up early, picked berries until {his} fingers were blue, and "
            "baked. {He} cut the pie in the middle, and {he} gave {f} the half with more berries.]",
        },
    },
    {
        .name = "boastful_race",
        .flags = WEIR_STORY_FRIENDS,
        .not_hero = WEIR_STORY_TINY | WEIR_STORY_FLIES,
        .traits = "proud,impatient",
        .about = "[a race"
            "|somebody who boasts"
            "|being too proud]",
        .who = "[who boasts about being fast"
            "|who loses a race"
            "|who thinks {he} is the best]",
        .title = "[The Great Race"
            "|{h.T} Runs a Race"
            "|Too Proud]",
        .brief =
            "{h.first} boasted that nobody was faster than {he} was. But in the great race {he} "
            "stopped to look at {himself} in a puddle and fell asleep in the sun. {F.intro} went "
            "slowly on and on, and won.",
        .beats = {
            "[\"I am the fastest in the whole land,\" {h} told everyone. \"Who wants to race "
            "me?\" The others looked at the ground. Only {f.intro} said, \"I will.\""
            "|There was going to be a race, once around the lake. \"I have already won,\" said "
            "{h}. \"The others only come to see my back.\" {F.intro} said nothing and tied "
            "{f.his} laces."
            "|\"Look at these legs,\" said {h} to everyone who could not get away in time. \"They "
            "have never lost a race.\" \"Then let them race with mine,\" said {f.intro} quietly.]",
            "[\"You?\" laughed {h}. \"You are as slow as honey.\" \"That may be,\" said {f}. "
            "\"But honey gets there, too.\""
            "|{h} laughed until {he} had to sit down. \"I could hop on one leg and win,\" {he} "
            "said. {F} only smiled."
            "|All the others laughed, and {h} laughed loudest. \"I will be back before you have "
            "started,\" {he} said. {F} shrugged and began to stretch.]",
            "[\"Ready, steady, go!\" shouted the [rooster|mayor]. {H} shot away like an arrow. "
            "When the dust settled, {he} was already behind the hill. {F} took one step, and then "
            "another."
            "|The flag went down, and off they went. In a moment {h} was so far ahead that {he} "
            "could not see anybody behind {him}."
            "|A pistol made of wood said bang. There was a cloud of dust, and in the cloud was "
            "{h}. When it had blown away, {f} had just reached the first tree.]",
            "[At the first puddle {h} stopped. {He} looked at {himself}. \"How fine I look when I "
            "run,\" {he} said. {He} looked from the left, and {he} looked from the right."
            "|On the way {he} met some children. \"Are you the winner?\" they asked. \"Of "
            "course,\" said {h}, and {he} wrote {his} name for each of them, with curls and a "
            "line under it."
            "|Halfway there was a shop window. {H} stopped to comb {his} hair. \"A winner should "
            "look nice in the picture,\" {he} thought.]",
            "[Then {he} sat down under a tree. \"I have so much time,\" {he} said, and yawned. "
            "The sun was warm. {His} eyes closed."
            "|\"A little rest will do no harm,\" {he} thought, and lay down in the soft grass. "
            "Soon {he} was snoring."
            "|{he} looked back. There was nobody. {He} sat down on a bench, put {his} feet up, "
            "and told a passing beetle how good {he} was. The beetle was a patient listener. It "
            "was so patient that {h} fell asleep.]",
            "[{f} came by, step by step. {F.he} was hot, and {f.his} feet hurt. {F.he} saw {h} "
            "sleeping there. {F} did not stop. One step, and then another."
            "|The others passed {him} on tiptoe. Last of all came {f}, all red in the face. "
            "\"Only a little farther,\" {f.he} told {f.himself}."
            "|Step, step, step. It was not quick, but it did not stop. {F} did not look to the "
            "left, and {f.he} did not look to the right.]",
            "[A loud cheer woke {him} up. {H} jumped to {his} feet and ran as {he} had never run "
            "before. But it was too late. {F} had just crossed the line."
            "|When {h} opened {his} eyes, the shadows were long. {He} raced to the finish. There "
            "stood {f} with a wreath around {f.his} neck."
            "|Somebody threw a hat in the air. {H} woke up because it landed on {his} nose. \"Who "
            "won?\" {he} asked. Then {he} saw {f} on the shoulders of the crowd.]",
            "[{h} was {feel.ashamed}. Then {he} went up to {f} and held out {his} hand. \"You are "
            "the better runner,\" {he} said. \"No,\" said {f}, \"but I kept running.\""
            "|\"How did you do that?\" asked {h}. \"I did not look in any puddles,\" said {f}, "
            "and gave {him} half of the prize, which was a cake."
            "|It took {h} a whole day to say it. \"Congratulations,\" {he} said. \"Next time I "
            "will run all the way.\" \"Next time we will run together,\" said {f}.]",
        },
    },
    {
        .name = "grumpy_smile",
        .flags = WEIR_STORY_FRIENDS,
        .traits = "grumpy,lonely,shy",
        .about = "[somebody who is always grumpy"
            "|a smile"
            "|how a bad mood goes away]",
        .who = "[who is always grumpy"
            "|who learns to smile"
            "|who wants to be left alone]",
        .title = "[The Grumpy {h.KT}"
            "|{h.T} Smiles"
            "|A Knock at the Door]",
        .brief =
            "{h.first} wanted to be left alone and put up a big sign. {F.intro} could not read, "
            "so {f.he} knocked every day and brought a flower. When one day nobody knocked, {h} "
            "went out to look for {f.him}, and {he} smiled for the first time.",
        .beats = {
            "[{h} had put a sign on {his} door. \"Go away,\" it said. And everybody did."
            "|Around {his} {h.home} {h} had built a high fence, and on the fence {he} had written "
            "in big letters: \"No visitors. No songs. No good mornings.\""
            "|People walked a little faster when they came by {h.n}'s house. There was a bucket "
            "of cold water over the door, and it was not there by accident.]",
            "[{oneday}, there was a knock all the same. It was {f.intro}. \"Can you not read?\" "
            "growled {h}. \"No,\" said {f}. \"Is it something nice?\""
            "|But {f.intro} had never learned to read. {F.he} thought that the letters were a "
            "pretty pattern. So {oneday} {f.he} knocked. \"Good morning!\" {f.he} said. \"I "
            "brought you a flower.\""
            "|The only one who did not know about it was {f.intro}, who was new. Splash! {F} "
            "stood there, dripping. \"What a funny way to say hello,\" {f.he} said, and laughed "
            "until {h} forgot to slam the door.]",
            "[{h} slammed the door. The next day {f} was there again. This time {f.he} had "
            "brought a joke. It was about a duck. {H} did not laugh, at least not until the door "
            "was shut."
            "|\"Hmpf,\" said {h}, and took the flower, because {he} did not know what else to do. "
            "{He} put it in a glass. It looked quite silly in the dark room. {He} opened the "
            "curtain a little, just for the flower."
            "|The next day {f} came with an umbrella. \"I thought we could talk about the "
            "weather,\" {f.he} said. \"It always rains at your house.\" {H} growled, but only "
            "from habit.]",
            "[So it went every day. {F} brought a feather, a story, a round stone. {H} said "
            "\"Hmpf\" every time. But {he} began to get up a bit earlier, so that {he} would be "
            "ready to say it."
            "|Each morning there was a knock, and each morning {h} grumbled. But if you looked "
            "closely, {he} was already standing behind the door when it came."
            "|{h} took down the bucket. It was only because it leaked, {he} told {himself}. And "
            "{he} only swept the step because it was dirty. And if there were two chairs in front "
            "of the house now, then that was nobody's business.]",
            "[Then, one morning, there was no knock. {H} waited. {He} looked at the clock. {He} "
            "opened the door and looked out. Nobody. \"At last I am left in peace,\" {he} said. "
            "But it did not feel like peace."
            "|{oneday}, nobody came. \"Good,\" said {h}. {He} sat down. {He} stood up. {He} sat "
            "down again. It was so quiet that {he} could hear the flower drop a leaf."
            "|Then a whole week passed, and the second chair stayed empty. {H} looked at it in "
            "the morning, and {he} looked at it in the evening. It was surprising how empty a "
            "chair could be.]",
            "[{he} took {his} hat and went out, for the first time in years. {He} found {f} in "
            "bed with a sore throat. \"You came,\" croaked {f}. \"Somebody has to tell you the "
            "joke about the duck,\" said {h}."
            "|Grumbling, {he} went to look for {f}. There {f.he} sat by the road with a twisted "
            "foot. \"I could not come today,\" said {f}. \"So I see,\" said {h}. \"Then I will "
            "have to come to you.\" And {he} carried {f.him} home."
            "|\"This is ridiculous,\" said {h}, and went. {F} had a cold and a red nose. \"I did "
            "not want to give it to you,\" said {f}. \"Give it to me,\" said {h}. \"I have not "
            "had a present for years.\"]",
            "[{f} laughed so much that it hurt. And something strange happened in {h.n}'s face. "
            "It pulled at the corners of {his} mouth. It was a smile, a bit rusty, but a real one."
            "|When {h} came home, {he} took down the sign. On the back of it {he} wrote: \"Please "
            "knock.\" Then {he} thought of something, and drew a flower next to it, for those who "
            "cannot read."
            "|That was a joke! It was the first joke that {h} had made for eleven years. They "
            "were both so surprised that they had to laugh.]",
        },
    },
    {
        .name = "tricks_backfire",
        .flags = WEIR_STORY_FUNNY,
        .traits = "naughty,proud,clever",
        .about = "[somebody who plays tricks"
            "|a trick that goes wrong"
            "|naughty tricks]",
        .who = "[who plays tricks on everybody"
            "|whose trick goes wrong]",
        .title = "[One Trick Too Many"
            "|{h.T} Plays a Trick"
            "|Who Is Laughing Now?]",
        .brief =
            "{h.first} liked to play tricks on everybody. {oneday}, {he} fell into {his} own trap "
            "and was covered with honey and feathers. {F.intro} helped {him} to get clean, and "
            "{h} promised to play only nice tricks.",
        .beats = {
            "[{h} loved tricks. {He} put salt in the sugar and tied the shoes of the "
            "[mayor|postman] together. Everyone was cross with {him}, but {h} rolled on the "
            "ground with laughter."
            "|On Monday {h} painted the baker's bread green. On Tuesday {he} hid the teacher's "
            "glasses. On Wednesday {he} rang all the bells in the middle of the night."
            "|If your hat was full of jam, if your chair was sawn through, if your cow was "
            "suddenly blue, then you knew that {h} had been there.]",
            "[{oneday}, {he} had a very special idea. {He} hung a bucket of honey over the path, "
            "and beside it a pillow full of feathers. {He} tied a string to both. \"When "
            "{f.first} comes by,\" {he} said, \"it will be the best trick of all.\""
            "|{oneday}, {h} dug a hole in the path, filled it with honey and put a net of "
            "feathers over it. Then {he} hid behind a bush and waited for {f.first}."
            "|For {f.first}, {h} thought up something new. It had wheels and strings and a pot of "
            "paste in it. It took {him} two days to build it.]",
            "[{h} waited and waited. {F} did not come. {H} leaned forward to see better. There, "
            "{he} heard steps! {He} giggled."
            "|It was a long wait. A bee came to see the honey. Then came another bee. \"Shoo!\" "
            "whispered {h}. \"That is not for you.\""
            "|Everything was ready. {H} sat in the tree, held the string, and bit {his} lip so "
            "that {he} would not laugh too early.]",
            "[The bee sat down on {his} nose. {H} jumped up, tripped over {his} own string, and "
            "splash! The honey came down on {him}, and then the feathers, every single one."
            "|But the steps were behind {him}. \"What are you looking at?\" asked {f}. {H} was so "
            "startled that {he} jumped forward, right into {his} own trap."
            "|Then a pigeon landed on the branch. The branch bent. {H} slid down, very slowly, "
            "pulled the string with {him}, and sat in the middle of it all when the paste came.]",
            "[When {h} got up again, {he} looked like a very big, very sad chicken. {F} stared. "
            "{F.his} mouth twitched. Then {f.he} laughed, and all the others came running and "
            "laughed, too."
            "|A sticky white thing climbed out. \"Help, a ghost!\" cried the baker. \"It is only "
            "me,\" said the ghost in a small voice. Then everybody began to laugh."
            "|There was a pop, and there was a splat. {F} came around the corner and saw "
            "something that was white and shiny, and had two round eyes. \"Good morning,\" said "
            "{f}. \"Are you a dumpling?\"]",
            "[{h} did not find it funny at all. So this was how it felt! {He} wanted to hide, but "
            "{he} stuck to everything. \"Come,\" said {f}, who had stopped laughing. \"I will "
            "help you to wash it off.\""
            "|{h} felt tears in {his} eyes. To be laughed at was not nice. {F} saw it. \"That is "
            "enough,\" {f.he} told the others, and took {h} to the stream with a big brush."
            "|Now everyone came to look. Someone laughed, and then all of them laughed. {H} knew "
            "this laugh. It had always been {his} own. It was strange how cold it felt from the "
            "other side.]",
            "[It took three tubs of water. \"Why do you help me?\" asked {h}. \"The trick was "
            "meant for you.\" \"I know,\" said {f}. \"But it was such a good one. I would like to "
            "know how you did it.\""
            "|\"I am sorry,\" said {h}. \"From now on I will only play tricks that make people "
            "happy.\" And the next morning every house had a flower in its keyhole, and nobody "
            "knew who had done it."
            "|{F} poured a bucket of warm water over {him}. \"Are you not angry with me?\" asked "
            "{h}. \"You are wet, you are sticky, and you are sorry,\" said {f}. \"That is "
            "enough.\"]",
        },
    },
    {
        .name = "lazy_winter",
        .flags = WEIR_STORY_FRIENDS,
        .not_hero = WEIR_STORY_ADULT | WEIR_STORY_MAGIC,
        .traits = "lazy,sleepy,dreamy",
        .about = "[being lazy"
            "|working and resting"
            "|getting ready for winter]",
        .who = "[who does not like to work"
            "|who is too lazy to get ready for winter]",
        .title = "[Tomorrow"
            "|The Lazy {h.KT}"
            "|{h.T} and the Winter]",
        .brief =
            "All summer {h.first} slept in the sun while {f.intro} worked. When winter came, {h} "
            "had nothing to eat, and {f} shared with {him}. The next summer {h} got up early and "
            "worked beside {his} friend.",
        .beats = {
            "[It was summer. {F.intro} carried wood and food into the house from morning till "
            "night. {H} lay in the grass and watched. \"Just to look at you makes me tired,\" "
            "{he} said."
            "|\"Winter is coming,\" said {f.intro}, who was gathering food. \"We have to get "
            "ready.\" {H} opened one eye. \"It is hot,\" {he} said. \"Winter is far away.\" And "
            "{he} closed it again."
            "|All through the warm months {f.intro} went up and down with a full basket. {H} had "
            "hung {his} bed between two posts. \"You will hurt your back,\" {he} called, and "
            "turned over on {his} other side.]",
            "[\"Will you help me?\" asked {f}. \"Tomorrow,\" said {h}. The next day {f} asked "
            "again. \"Tomorrow,\" said {h}. There were a great many tomorrows that summer."
            "|\"I am thinking about it,\" said {h}. {He} thought about it in the shade, and {he} "
            "thought about it in the sun, and mostly {he} thought about it with {his} eyes closed."
            "|\"There is still some room in the cellar,\" said {f}. \"We could fill it "
            "together.\" \"Good idea,\" said {h}, and fell asleep in the middle of the word.]",
            "[The leaves turned yellow. \"I really should start now,\" said {h}, and took a nap "
            "first. When {he} woke up, the leaves were on the ground."
            "|Autumn came with wind and rain. {H} looked at {his} empty cupboard. There was one "
            "crumb in it. \"I can still do it next week,\" {he} said."
            "|One morning the puddles had a thin skin of ice. {H} meant to gather a few things. "
            "But first {he} had to warm up, and for that {he} went back to bed.]",
            "[Then, overnight, the snow came. {H} had no wood and no food. {He} ate the crumb. It "
            "was very cold in the {h.home}, and very quiet."
            "|One morning {he} could not open the door. There was snow in front of it. Everything "
            "was white and frozen, and there was nothing left to gather. {H} {look.hungry}."
            "|The wind found every hole in the wall, because {h} had never mended one. {He} ate "
            "soup made of water. For dessert there was the same again.]",
            "[{h} went to {f.n}'s house. It took {him} a long time to knock, because {he} was "
            "{feel.ashamed}. \"I was lazy,\" {he} said, \"and you were right. Do you have a "
            "little bread?\""
            "|There was light in {f.n}'s window. {H} stood outside and did not dare to go in. "
            "Then the door opened. \"You must be hungry,\" said {f}."
            "|Three times {he} walked to the gate, and twice {he} turned around. It is not easy "
            "to knock on a door when you know that the other one was right.]",
            "[\"Come in,\" said {f}. \"I gathered enough for two. I know you.\" They sat by the "
            "fire all winter. {H} told all the dreams that {he} had dreamed in the summer, and "
            "they were wonderful stories."
            "|{f} gave {him} hot soup. \"But I did not help you,\" said {h}. \"No,\" said {f}. "
            "\"But it is boring to eat alone. Next year you will help me.\" \"I will,\" said {h}. "
            "\"Tomorrow?\" asked {f}, and they both laughed."
            "|\"I counted you in from the start,\" said {f}, and put a second bowl on the table. "
            "\"Two spoons of everything: one for me, and one for somebody I know.\" {H} could "
            "hardly swallow.]",
            "[When the snow melted, {f} came out of the house early in the morning. Somebody was "
            "already there, with a basket in {his} hand. \"What took you so long?\" asked {h}."
            "|The next summer {h} worked until {his} back hurt. At noon the two of them had a "
            "nap, side by side. For that was a thing that {f} had learned from {h}."
            "|When summer came, {h} filled the cellar until the door would not close. Then {he} "
            "hung up two beds between the trees, and showed {f} how it is done.]",
        },
    },
    {
        .name = "messy_room",
        .flags = WEIR_STORY_FUNNY | WEIR_STORY_FRIENDS,
        .traits = "messy,forgetful,lazy,clumsy",
        .about = "[a messy room"
            "|tidying up"
            "|a big mess]",
        .who = "[who never tidies up"
            "|who has a very messy room]",
        .title = "[The Messy Room"
            "|{h.T} Tidies Up"
            "|Where Is Everything?]",
        .brief =
            "{h.first} had such a messy room that {f.intro} got lost in it. {H} had to clean up "
            "to find {f.him}, and it took all day. At the bottom of the mess {he} found {f} and "
            "three old sandwiches, and from then on {he} kept it tidy.",
        .beats = {
            "[{H.n}'s room was full to the ceiling. There were socks on the lamp and apples under "
            "the bed, and somewhere there was also a bed. \"I like it like this,\" said {h}."
            "|In {h.n}'s room you could not see the floor. Nobody knew what color it was, not "
            "even {h}."
            "|To get into {h.n}'s room, you had to open the door very slowly and jump aside. {He} "
            "could find nothing in it, but {he} lost nothing either, since it was all still there "
            "somewhere.]",
            "[\"You should tidy up,\" said everybody. \"Later,\" said {h}, and threw {his} coat "
            "on the pile. The pile wobbled."
            "|Once a week {he} shut the door with both hands and leaned against it. That was what "
            "{he} called cleaning."
            "|Sometimes {he} cleared a path from the door to the bed. By evening it had grown "
            "over again.]",
            "[{oneday}, {f.intro} came to visit. \"I will just sit down for a moment,\" said {f}. "
            "{F.he} sat down on the pile. There was a rumble and a slither. Then {f} was gone."
            "|{oneday}, {h} and {f.intro} played hide-and-seek. {F} hid in the room. {H} looked "
            "for {f.him} for an hour. \"You can come out now!\" {he} called. But from the pile "
            "came only a muffled voice: \"I cannot. I do not know where out is.\""
            "|\"I only want my book back,\" said {f.intro}. \"It must be over there,\" said {h}. "
            "{F} climbed up the heap with a rope. There was a small avalanche. Then it was quiet.]",
            "[\"{F}?\" called {h}. \"Where are you?\" \"Under something soft,\" said a faint "
            "voice. \"It smells of cheese.\" There was nothing for it. {H} had to tidy up."
            "|{h} pulled at a sleeve. It was only a coat. {He} pulled at a foot. It was only a "
            "boot. \"Hold on!\" {he} cried. \"I will get you out!\""
            "|{h} knocked on the heap. Something knocked back, three times. \"I am fine,\" called "
            "{f}, from very far below. \"I have found a sofa. Did you know that you have a "
            "sofa?\"]",
            "[{he} put the socks into the drawer and the books on the shelf. {He} carried out "
            "bottles, boxes, half a bicycle and a [boat|snowman's hat|tuba]. \"So that is where "
            "it was!\" {he} said again and again."
            "|First {he} made a pile for clothes, then a pile for toys, then a pile for things "
            "that were neither. {He} found {his} birthday cake from last year. It had grown a "
            "beard."
            "|One by one {he} dug things out. Nine left shoes, a kettle, a tent. Everything got a "
            "place, because there was nowhere else to put it.]",
            "-"
            "[By noon {he} could see the window. It was a lovely view. {He} had forgotten about "
            "it."
            "|\"Are you still there?\" {h} called from time to time. \"Where else?\" said the "
            "voice. \"Bring a sandwich, if you find one.\""
            "|Behind the curtain {he} found a letter that invited {him} to a party, two years "
            "ago.]",
            "[In the evening, at the very bottom, {he} found the bed. And in the bed lay {f}, who "
            "was fast asleep. \"Good morning,\" said {f}, and stretched. \"Whose room is this? It "
            "is beautiful.\""
            "|At last the floor appeared. It was blue! And there sat {f} in a corner with dust on "
            "{f.his} nose. \"You have a rug,\" said {f}. \"I have sat on it all day. It is a very "
            "nice rug.\""
            "|When the very last sock was in its drawer, there sat {f}, with a cushion under "
            "{f.his} head and the book on {f.his} knees. \"Just one more chapter,\" said {f}.]",
            "[{h} looked around and was {feel.proud}. And {he} did keep it tidy, more or less. "
            "There is only one small pile left, and nobody is allowed to sit on it."
            "|From that day on {h} put everything back in its place. It is no fun to lose a "
            "friend in a pile of socks."
            "|It was nice to have so much room. One could even dance in it. So they danced.]",
        },
    },
    {
        .name = "cried_wolf",
        .traits = "naughty,impatient,dreamy,lonely",
        .about = "[telling lies"
            "|somebody who calls for help for fun"
            "|a false alarm]",
        .who = "[who calls for help although nothing is wrong"
            "|who tells lies for fun]",
        .title = "[The False Alarm"
            "|{h.T} Calls for Help"
            "|Fire!]",
        .brief =
            "{h.first} shouted \"Fire\" for fun, and everybody came running for nothing. When "
            "there really was a fire, nobody believed {him} but {f.intro}. They put it out "
            "together, and {h} never told a lie again.",
        .beats = {
            "[{h} was bored. {He} wanted something to happen. So {he} ran into the street and "
            "shouted, \"Fire! Fire!\" Everyone came running with buckets. But there was no fire. "
            "{H} laughed until {he} had to hold on to a tree."
            "|It was a slow, sleepy afternoon. \"I wonder what they will do,\" thought {h}, and "
            "{he} called as loudly as {he} could, \"Fire!\" From all the houses they came, with "
            "pots and pans and cups of water."
            "|Nothing ever happened on Sundays. {H} climbed up on a barrel. \"Fire!\" {he} "
            "shouted. It was as if somebody had kicked a beehive. People fell over their own "
            "buckets, and {h} nearly fell off the barrel with laughter.]",
            "[\"That was not funny,\" said the others, and went home. But {h} thought it was very "
            "funny indeed. The next day {he} did it again. They came again, a little more slowly "
            "this time."
            "|\"You should have seen your faces,\" said {h}. They shook their heads. Three days "
            "later {he} called again, and again they came, and again it was nothing."
            "|On Monday they forgave {him}. On Wednesday {he} did it again. On Friday only half "
            "of them came, and they came without buckets.]",
            "[\"One day nobody will come,\" said {f.intro}. \"Oh, they will always come,\" said "
            "{h}."
            "|{F.intro} was the last to go. \"If you cry for nothing,\" said {f}, \"what will you "
            "do when there is something?\" {H} only shrugged."
            "|\"A word is like a coin,\" said {f.intro}. \"If you spend it on nothing, it is "
            "gone.\" {H} did not listen.]",
            "[Then {oneday} {h} smelled smoke. A spark from {his} chimney had fallen into the "
            "straw. A little flame licked at the wall, and then it was no longer little. "
            "\"Fire!\" screamed {h}. \"Fire! Help!\""
            "|{oneday}, a lamp fell over in the {h.home}. The curtain caught fire. {H} ran out. "
            "\"Fire!\" {he} cried, and this time {his} voice shook."
            "|Then came a night with lightning. There was a crash, and the roof over {h.n}'s head "
            "began to glow. It crackled. It was not a game. \"Fire!\" {h.cried} {h}, with {his} "
            "whole heart.]",
            "[The neighbors heard {him}. \"There {he} goes again,\" they said, and shut their "
            "windows. Nobody came. {H} ran from door to door and wept. \"It is true! This time it "
            "is true!\""
            "|People looked up and looked down again. \"Very funny, {h.call},\" they said. {H} "
            "was {feel.afraid}. Nobody moved."
            "|Windows stayed dark. \"Go to bed!\" called somebody. \"We know that one!\" {H} "
            "knocked until {his} hands hurt. \"Please,\" {he} begged. \"Please believe me.\"]",
            "[Only {f} stopped. {F.he} looked at {h.n}'s face. \"You are crying,\" {f.he} said. "
            "\"It is true, is it not?\" And {f} grabbed a bucket and ran. When the others saw "
            "that, they ran, too."
            "|{f} looked out of the window. {F} saw a thin line of smoke. \"I believe you,\" said "
            "{f}, and came with two buckets. They poured and poured, and then the others saw the "
            "smoke as well, and came to help."
            "|A door opened. It was {f}, in a nightshirt, with a pail in each hand. \"If it is a "
            "lie, I get wet feet,\" said {f}. \"If it is true, you get wet feet.\" And {f.he} "
            "ran.]",
            "[When the fire was out, half a wall was black. {H} stood there covered with soot. "
            "\"I am sorry,\" {he} said. \"I will never do it again.\" And this time it was not a "
            "lie."
            "|\"Why did you believe me?\" asked {h} later. \"I was not sure,\" said {f}. \"But I "
            "would rather run for nothing than not run when you need me.\" {H} never forgot that."
            "|They saved the house, but not the roof. All through the next week the others helped "
            "to build a new one. \"You can believe me,\" said {h}, \"from now on.\" And slowly, "
            "coin by coin, they did.]",
        },
    },
    {
        .name = "patience_seed",
        .traits = "impatient,curious,hungry,dreamy,lazy",
        .about = "[waiting"
            "|a seed that grows"
            "|learning to wait]",
        .who = "[who plants a seed"
            "|who cannot wait"
            "|who learns to wait]",
        .title = "[The Seed"
            "|{h.T} Learns to Wait"
            "|Grow, Little Seed]",
        .brief =
            "{h.first} planted a seed and wanted it to grow at once. {He} dug it up every day to "
            "look at it, until {e.intro} told {him} to let it sleep. {H} waited, and after many "
            "days there was a sunflower taller than the house.",
        .beats = {
            "[{e.intro} gave {h} a seed. \"If you plant it,\" said {e}, \"something wonderful "
            "will grow.\" {H} planted it at once. Then {he} sat down in front of it and waited. "
            "Nothing happened."
            "|{oneday}, {h} found a striped seed in {his} pocket. {He} pushed it into the earth "
            "and watered it. \"Now grow,\" {he} said. {He} counted to a hundred. It did not grow."
            "|For {his} birthday {h} was given a flower pot by {e.intro}. There was nothing in it "
            "but earth. \"You have forgotten the flower,\" said {h}. \"No,\" said {e}. \"It is in "
            "there. It only has to come up.\"]",
            "[After breakfast {h} dug it up to see if anything had happened. Nothing had. After "
            "lunch {he} dug it up again. In the evening {he} dug it up once more and shook it."
            "|The next morning {h} shouted at it. Then {he} sang to it. Then {he} gave it some of "
            "{his} {h.food}. The seed lay in the earth and said nothing."
            "|Every hour {h} put {his} ear to the pot. {He} poked about in it with a stick, and "
            "{he} turned it upside down. \"Hurry up!\" {he} said.]",
            "[\"It is broken,\" said {h}. \"It is asleep,\" said {e}. \"How would you feel if "
            "somebody pulled off your blanket three times a day?\" {H} thought about it."
            "|\"How long does it take?\" {h} asked {e.first}. \"As long as it takes,\" said {e}. "
            "\"You cannot pull on it. You can only give it water and leave it in peace.\""
            "|\"You are keeping it awake,\" said {e}. \"It has a lot of work to do down there, "
            "and you cannot help it by shouting.\"]",
            "[So {h} waited. It was the hardest thing {he} had ever done. {He} watered the earth "
            "each morning, and then {he} went away quickly, so that {he} would not be tempted."
            "|{h} tied {his} hands together with a string, so that they would not dig. {He} "
            "counted the days on the wall with a piece of chalk: one, two, three, seven, ten."
            "|{h} put the pot on the window sill and sat on {his} hands. To pass the time, {he} "
            "learned how to whistle. When {he} could whistle, {he} learned how to tie six kinds "
            "of knots.]",
            "-"
            "[\"Is there anything to see?\" asked {f.intro}. \"No,\" said {h}. \"But I think I "
            "can hear it.\""
            "|It rained for a week. {H} was glad for the first time that it rained."
            "|\"What are you doing?\" asked {f.intro}. \"Nothing,\" said {h}. \"I am getting "
            "quite good at it.\"]",
            "[On the twelfth day there was a crack in the earth. On the thirteenth day there was "
            "something green in the crack, no bigger than a fingernail. {H} lay on {his} tummy "
            "and did not touch it."
            "|One morning there it was: two tiny green leaves, folded like hands. {H} held {his} "
            "breath. \"Good morning,\" {he} whispered."
            "|{he} had almost forgotten about it when something tickled {his} chin. It was a tiny "
            "green finger, and it pointed at the sun.]",
            "[It grew to {his} knee and to {his} chin and over {his} head. And in late summer "
            "there stood a sunflower, taller than the {h.home}, and it turned its face to {h} and "
            "then to the sun."
            "|All summer it grew. In the end it was so tall that {h} had to lean back to see the "
            "top. A golden flower was up there, as big as a plate. {H} was {feel.happy}."
            "|Leaf after leaf came out. There was a bud, as tight as a fist. And one morning, "
            "when nobody was watching, it opened. It was the yellowest yellow that {h} had ever "
            "seen.]",
            "[In autumn it gave {him} a hundred new seeds. {H} gave ninety-nine of them away. "
            "\"You have to wait,\" {he} told everyone. \"It is worth it.\""
            "|\"How did you do it?\" asked the others. \"I did nothing,\" said {h}. \"That was "
            "the hard part.\""
            "|\"That was quick, in the end,\" said {h}. {E} laughed. \"That is what everybody "
            "says, in the end.\"]",
        },
    },
    {
        .name = "envy_swap",
        .flags = WEIR_STORY_FRIENDS | WEIR_STORY_FUNNY,
        .about = "[wanting to be somebody else"
            "|changing places"
            "|being yourself]",
        .who = "[who wants to be somebody else"
            "|who changes places with a friend]",
        .title = "[The Big Swap"
            "|{h.T} and {f.T} Change Places"
            "|Just Right]",
        .brief =
            "{h.first} wanted to live like {f.intro}, and {f} wanted to live like {h}. They "
            "changed places for one day, and everything went wrong. In the evening each of them "
            "was very glad to be home again.",
        .beats = {
            "[{h} looked over at {f.intro}. \"{F} has a better life than I have,\" {he} sighed. "
            "At the same time {f} looked over at {h} and sighed, too."
            "|\"I wish I were you,\" said {h} to {f.intro}. \"How funny,\" said {f}. \"I have "
            "always wished that I were you.\""
            "|\"What a lovely life {f.first} has,\" thought {h}. \"Everything over there is "
            "better.\" {He} did not know that {f} was thinking just the same about {him}.]",
            "[So they changed places, just for one day. {F} gave {h} {f.his} key, and {h} did the "
            "same. \"You will love it,\" they both said."
            "|\"Then let us swap!\" They shook hands on it. {H} moved into {f.n}'s {f.home}, and "
            "{f} moved into {h.n}'s {h.home}."
            "|They made a plan. From sunrise to sunset, {h} would be {f}, and {f} would be {h}. "
            "They even swapped hats.]",
            "[For breakfast there was {f.food}. {H} did not like it very much. Over in the other "
            "{h.home}, {f} looked at {h.food} and wondered which end to start with."
            "|At noon {h} tried to eat {f.food}, because that is what {f.ks} eat. It stuck to "
            "{his} teeth. {F} had {h.food} and got hiccups."
            "|The first thing was breakfast. {H} looked at {f.food}. At the other table, {f} "
            "chewed {h.food} with a brave face.]",
            "[{F.n}'s chair was the wrong size. The cups were the wrong size. When {h} lay down "
            "for a nap, {he} fell out of bed. From next door came a loud bump. {F} had fallen out "
            "of bed, too."
            "|In the afternoon {h} met {f.n}'s friends, and they talked about things that {he} "
            "did not understand. {He} laughed in the wrong places. {F} did not know any of "
            "{h.n}'s songs."
            "|The bed was too short, or the legs were too long. The door opened to the wrong "
            "side, and {h} walked into it, four times. Far away {he} heard somebody fall over "
            "{his} own doorstep.]",
            "-"
            "[It was a very long day. \"One has to get used to it,\" {h} told {himself}, and "
            "looked at the clock again."
            "|A letter came, but it was for {f}. Somebody waved, but it was at {f}. {H} began to "
            "feel like a coat that hangs on the wrong hook."
            "|By noon {h} was homesick for {his} old chair, which creaked.]",
            "[{evening} they met halfway between the two houses. \"Well?\" asked {h}. "
            "\"Wonderful,\" said {f}. \"Wonderful,\" said {h}. They were silent. \"Can I have my "
            "bed back?\" asked both of them at the same time."
            "|When the sun went down, {h} ran home as fast as {he} could. In the middle of the "
            "road {he} bumped into somebody. It was {f}, who was running just as fast. They "
            "rubbed their heads and laughed."
            "|When the sun touched the hill, somebody ran from the left, and somebody ran from "
            "the right. They met in the middle and gave each other their hats back, without "
            "saying a single word.]",
            "[That night {h} lay in {his} own bed and ate {his} own {h.food}, and {he} thought "
            "that nobody in the world was better off."
            "|\"You make a terrible {h.k},\" said {h}. \"And you make an even worse {f.k},\" said "
            "{f}. They were both very happy about it."
            "|From then on they visited each other every Sunday. It is lovely over there, thought "
            "{h} each time, and it is lovely to go home.]",
        },
    },
    {
        .name = "learn_to_swim",
        .flags = WEIR_STORY_FRIENDS,
        .not_hero = WEIR_STORY_FLIES | WEIR_STORY_TINY,
        .place = WEIR_STORY_WATER,
        .about = "[learning to swim"
            "|being afraid of water"
            "|learning something difficult]",
        .who = "[who learns to swim"
            "|who is afraid of the water]",
        .title = "[{h.T} Learns to Swim"
            "|Into the Water"
            "|One Toe at a Time]",
        .brief =
            "{h.first} was afraid of the water and only watched the others swim. {F.intro} went "
            "in with {him}, one toe on the first day, one foot on the second, and never let go of "
            "{his} hand. At the end of the summer {h} swam all the way across.",
        .beats = {
            "[When the others went swimming {p.in}, {h} stayed on the shore and guarded the "
            "towels. \"The water is too wet for me,\" {he} said. But the truth was that {he} was "
            "afraid."
            "|Everyone could swim, only {h} could not. {He} said that {he} had a cold. {He} had "
            "had it for three summers."
            "|It was the hottest summer in years. Everyone was in the water, and everyone was "
            "splashing and shouting. {H} sat under a tree {p.in} and said that {he} liked the "
            "shade.]",
            "[{F.intro} sat down beside {him}. \"I was afraid of it, too,\" said {f}. \"What did "
            "you do?\" asked {h}. \"I started with one toe,\" said {f}."
            "|\"You do not have to swim,\" said {f.intro}. \"Just come and say hello to the "
            "water.\" {H} said hello from a distance."
            "|\"What are you afraid of?\" asked {f.intro}, who had seen that {h} looked at the "
            "water all the time. \"That there is no floor,\" said {h}. {F} nodded. {F.he} did not "
            "laugh.]",
            "[On the first day {h} put one toe in. It was cold. \"That is enough for today,\" "
            "said {f}. On the second day it was a whole foot. On the third day it was both feet, "
            "and a small fish came to look at them."
            "|So they began. The toe was not so bad. The knee was bad. The tummy was terrible. "
            "\"Breathe,\" said {f}. \"I am holding you.\" And {f} held {him} for an hour."
            "|\"Today we will only get our feet wet,\" said {f}, and that was all they did. The "
            "next day it was the knees, and then they went home and had {food}.]",
            "[Then a wave came and went over {his} head. {H} swallowed water, coughed, and ran "
            "out. \"Never again!\" {he} cried, and {he} did not come back for two days."
            "|{Oneday} {he} slipped. For a moment everything was green and roaring. {F} pulled "
            "{him} up at once. But {h} sat in the sand and shook. \"I cannot do it,\" {he} said."
            "|A duck dived next to {him}, and {h} got such a fright that {he} lost {his} footing. "
            "There was water in {his} ears and water in {his} nose. {He} did not want to hear "
            "about swimming for a whole week.]",
            "[{f} did not say that it was easy. {F.he} only spread out a second towel and waited. "
            "On the third day {h} came back. \"One toe,\" {he} said. \"One toe,\" said {f}."
            "|\"I fell in nine times,\" said {f}, \"and I came out ten.\" {H} thought about that. "
            "{He} counted on {his} fingers. Then {he} stood up."
            "|\"Shall I tell you a secret?\" said {f}. \"The water carries you. You only have to "
            "let it.\" {H} was not sure. But {he} wanted to be sure, and that was a start.]",
            "-"
            "[They practiced with {his} tummy on a log, and with a rope around {his} middle, and "
            "with a basket full of corks on {his} back. It looked funny, but it floated."
            "|\"Kick!\" called {f}. \"Not me! The water!\""
            "|\"Be a log,\" said {f}. \"Be a leaf. Be a very lazy boat.\" {H} was a log that "
            "sank. Then {he} was a log that did not sink.]",
            "[One warm evening {h} lay on the water and looked at the sky. \"You can let go "
            "now,\" {he} said. \"I let go a long time ago,\" said {f}."
            "|It happened quite by itself. {H} wanted to tell {f} something and swam over to "
            "{f.him}. Only when {he} got there did {he} notice what {he} had done."
            "|{He} was counting the clouds when {he} noticed how far away the shore was. {F} was "
            "standing there and waving with both hands. So nobody was holding {him}! \"Do not "
            "stop!\" called {f}.]",
            "[At the end of the summer {h} swam across, from one side to the other, with {f} "
            "beside {him}. {He} was out of breath and {feel.proud}."
            "|Now somebody else guards the towels. It is [a little dormouse|a small newt] who "
            "says that the water is too wet. \"Shall I tell you something?\" says {h}, and sits "
            "down next to him. \"I started with one toe.\""
            "|On the last warm day there was a race. {H} came in last. But {he} came in, and "
            "nobody was cheered as loudly as {he} was.]",
        },
    },
    {
        .name = "too_much_candy",
        .flags = WEIR_STORY_FUNNY | WEIR_STORY_PARENT,
        .traits = "greedy,hungry,impatient,naughty,curious,sleepy,cheerful",
        .about = "[too many sweets"
            "|eating too much"
            "|a tummy ache]",
        .who = "[who eats too many sweets"
            "|who gets a tummy ache]",
        .title = "[One More Piece"
            "|{h.T} and the Sweets"
            "|Too Many Sweets]",
        .brief =
            "{h.first} was allowed to eat one sweet a day, but {he} found the big jar and ate "
            "them all. {He} got a tummy ache, and {his} tummy was so round that {he} rolled down "
            "the stairs. {M} made {him} a cup of peppermint tea, and {h} did not want any sweets "
            "for a whole week.",
        .beats = {
            "[On the top shelf stood a big glass jar, full of sweets in all the colors there are. "
            "\"One each day,\" said {m}. \"No more.\" {H} looked at the jar. The jar looked at "
            "{h}."
            "|{h} loved sweets: the red ones, the green ones, the ones that crackled. {M} gave "
            "{him} one every day after lunch. \"One is so few,\" {he} thought."
            "|In the kitchen, behind the flour, was the jar with the sweets. {M} had counted "
            "them. \"One a day,\" {m.he} said, \"and they will last until spring.\"]",
            "[{oneday}, {h} was alone. {He} pushed the chair to the shelf and put a box on the "
            "chair and {his} foot on the box. \"I only want to look at them,\" {he} said."
            "|{m} had gone to the market. \"I will take one,\" said {h}. \"That is today's.\" "
            "{He} took one. \"And this is tomorrow's,\" {he} said, and took another."
            "|\"I will just see if they are still good,\" {h} told {himself}, when nobody was at "
            "home. {He} tried one. It was good. But what about the others?]",
            "[{he} ate a red one. It was so good that it needed a green one. The green one was "
            "lonely, so {he} sent a yellow one after it. {H} ate next week's sweets, and then "
            "next month's."
            "|Once {he} had started, {his} hand did it all by itself: into the jar, into the "
            "mouth, into the jar. When {he} looked up again, it was Christmas, at least as far as "
            "the sweets were concerned."
            "|A blue one. A striped one. One that was shaped like a fish. {H} no longer tasted "
            "any difference, but {he} went on, as if somebody was chasing {him}.]",
            "[At last the jar was empty. {H} wanted to climb down, but something was in the way. "
            "It was {his} tummy. It was as round as a ball. {He} lost {his} balance and rolled, "
            "over the rug, through the door, and down the garden path."
            "|Then came the tummy ache. First it growled. Then it grumbled. Then it sounded like "
            "a whole brass band. \"Oh,\" said {h}. \"Oh, oh, oh.\""
            "|The bottom of the jar came in sight. Then it came very close. {H} slid from the "
            "chair with a groan, and {his} belt burst with a bang.]",
            "[{F.intro} stopped {him} with one foot. \"Hello, {h.call},\" said {f}. \"You are "
            "green.\" \"I know,\" said {h}. \"I think that was the lime.\""
            "|{h} lay down on the floor and did not move, because when {he} moved, everything "
            "moved. A fly sat down on {his} nose, and {he} did not even have the strength to "
            "wrinkle it."
            "|There was a knock. {F.intro} wanted to play ball. \"You look like one,\" said {f}. "
            "\"Do not make me laugh,\" moaned {h}. \"It hurts.\"]",
            "[When {m} came home, {m.he} saw the empty jar and the full {h.k}. {M} did not scold "
            "at all. {M.he} only put a hot water bottle on {his} tummy and made a pot of "
            "peppermint tea."
            "|\"How many were they?\" asked {m}. \"All of them,\" whispered {h}. \"I see,\" said "
            "{m}, and went to make tea. \"I am never going to eat again,\" said {h}, \"or at "
            "least not until supper.\""
            "|{m} put down {m.his} bag. {M.he} looked at the jar, and {m.he} looked at {h}, who "
            "was lying under the table. \"I think that spring has come early this year,\" said "
            "{m}, and put the kettle on.]",
            "[For a whole week {he} did not want to see any sweets. And then? Then {he} ate one. "
            "It was a red one. {He} sucked on it for an hour, and it was better than the whole "
            "jar."
            "|\"Would you like one?\" asked {m} the next day. {H} shook {his} head. \"I had mine "
            "already,\" {he} said, \"until April.\""
            "|For three days {he} lived on tea and dry toast. On the fourth day somebody offered "
            "{him} a sweet. \"No, thank you,\" said {h}, and everybody was amazed, most of all "
            "{h} {himself}.]",
        },
    },
    {
        .name = "magic_word",
        .flags = WEIR_STORY_FUNNY,
        .traits = "impatient,proud,greedy,grumpy,naughty,selfish",
        .about = "[saying please and thank you"
            "|good manners"
            "|the magic word]",
        .who = "[who never says please"
            "|who learns to say please and thank you]",
        .title = "[The Magic Word"
            "|{h.T} Says Please"
            "|Open, Door]",
        .brief =
            "{h.first} never said please, and so {e.intro} locked all the doors in the village "
            "with a spell. {H} shouted and kicked, but no door would open for {him}. Only when "
            "{he} was very tired did {he} say the magic word, and all the doors flew open.",
        .beats = {
            "[\"Give me that,\" said {h}. \"Get out of my way,\" said {h}. \"More soup,\" said "
            "{h}. \"How do you say it?\" people asked. \"Faster,\" said {h}."
            "|There were two words that {h} did not know. One of them was please, and the other "
            "was thank you. {He} thought that they were for other people."
            "|{h} had a loud voice, and {he} used it like a stick. \"I want!\" {he} said, and "
            "\"Now!\" and \"Mine!\" Most people gave {him} what {he} wanted, so that there would "
            "be peace.]",
            "[{oneday}, {he} bumped into {e.intro}. \"Watch where you are going,\" said {h}. {E} "
            "looked at {him} for a long time. \"Somebody has lost something,\" said {e}, \"and he "
            "does not even know it.\" And {e.he} made a small sign with {e.his} hand."
            "|{e.intro} had heard it one time too many. \"From now on,\" said {e}, \"no door will "
            "open for you until you say the magic word.\" {H} only laughed."
            "|In the market {he} pushed in front of {e.intro}. \"Would you like to ask nicely?\" "
            "said {e}. \"No,\" said {h}. \"Then let us see how far you get,\" said {e}, and drew "
            "a circle in the air.]",
            "[When {h} came home, the door was locked. {He} shook it. {He} kicked it. \"Open "
            "up!\" {he} shouted. \"No,\" said the door. {H} had never heard it speak before."
            "|{h} wanted to buy a bun. But the door of the bakery would not open. All the others "
            "went in and out. When {h} pushed, it stood there like a wall."
            "|It began with the jam. The lid would not come off. Then the drawer was stuck, and "
            "then the door, and when {h} stamped {his} foot, {his} boots would not come off "
            "either.]",
            "[\"Abracadabra,\" said {h}. \"Open sesame! Hocus-pocus! Now!\" The door did not "
            "move. {He} tried the window. The window was of the same opinion as the door."
            "|{he} ran from house to house. The cupboard of {f.first} did not open. The garden "
            "gate did not open. Even {his} lunch box stayed shut, although {he} could smell the "
            "{h.food} in it."
            "|\"Open!\" {he} yelled. \"I am ordering you!\" Something inside the lock chuckled. "
            "It was the first time that anybody had said no to {him}, and it was a door.]",
            "-"
            "[It started to rain. Of course {his} umbrella did not open either."
            "|A small child went up to the same door. It said something very quietly, and the "
            "door swung open with a bow. \"What did you say?\" called {h}. But the child was "
            "already inside."
            "|It was getting dark. A cat walked up, said something like \"prr\", and the cat flap "
            "opened at once.]",
            "[In the end {h} sat down on the step, wet and hungry. {He} had no strength left to "
            "shout. \"I am so cold,\" {he} said. \"I would like to go in. Please.\" Click, said "
            "the door."
            "|Night fell. {H} leaned {his} head against the wood. \"I do not know any magic "
            "words,\" {he} whispered. \"Please, door. I am tired.\" And the door opened, slowly, "
            "and it was warm and bright inside."
            "|{he} was so tired that {he} had no voice left, just a little whisper at the very "
            "bottom. \"Please,\" it said, \"let me in.\" There was a click. The door opened as "
            "gently as a book.]",
            "[\"That was it?\" {he} asked. \"That little word?\" \"Little keys open big doors,\" "
            "said the door. \"And what do you say now?\" {H} had to think. \"Thank you?\" {he} "
            "said. And all the doors in the street swung open and closed, as if they were "
            "clapping."
            "|The next day {h} tried it everywhere. \"Please,\" {he} said to the baker, and "
            "\"thank you\" to the bun. It worked on doors, it worked on people, and once it even "
            "worked on a cow."
            "|{h} stood there in the warm hall. There was something else one was supposed to say. "
            "{He} had heard it often enough from others. \"Thank you,\" {he} told the door, and "
            "the door went quite pink.]",
        },
    },
};
/* clang-format on */

const weir_story_plots weir_story_plots_learn = {plots, sizeof(plots) / sizeof(plots[0])};
