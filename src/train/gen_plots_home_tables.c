/*
 * gen_plots_home_tables.c: plots: home, night, seasons, goodbyes. gen_story.h explains slots and
 * marks.
 */
#include "train/gen_story.h"

/* clang-format off */
static const weir_story_plot plots[] = {
    {
        .name = "kite_gone",
        .flags = WEIR_STORY_SAD | WEIR_STORY_PARENT,
        .object = WEIR_STORY_TOY,
        .place = WEIR_STORY_WATER,
        .about = "[something that is lost for ever"
            "|{o.an} that is gone for ever"
            "|saying goodbye to {o.an}]",
        .who = "who loses {his} {o.n} for ever",
        .title = "[The {o.T} That Was Gone"
            "|Goodbye, {o.T}"
            "|{h.T} and the {o.T}]",
        .brief =
            "{h.first} loved {his} {o.n} more than anything. {oneday}, the wind threw it into the "
            "water {p.in}, and it sank. {H} waited for a long time, but it was gone for ever, and "
            "{he} was very sad.",
        .beats = {
            "{!has h o}",
            "[{h} had {o.a}. It was a present from {m}, and {he} never went anywhere without it."
            "|Of all the things in the world {h} loved {o.a} most. When {he} was sad, it helped "
            "to {o.v} it."
            "|There was one thing that {h} loved: {his} {o.adj} {o.n}. {He} {o.ved} it every day.]",
            "[{oneday}, {he} took {o} {p.to}. \"Be careful,\" said {m}. \"It is windy.\" \"I am "
            "always careful,\" said {h}."
            "|{oneday}, {he} went {p.to} to show {o} to {f.intro}. The waves were high, and foam "
            "flew through the air.]",
            "~"
            "[They stood close to the edge, {h} and {o}, and looked at the waves. It was a lovely "
            "day until then."
            "|For a while everything was fine. {He} even sang a little.]",
            "{!lose h o}{!gone o}",
            "[{suddenly} a gust of wind came. It tore {o} out of {his} hands and threw it into "
            "the water. It danced on the waves for a moment. Then it was gone."
            "|Then {he} stumbled over a stone. {O} flew through the air, fell into the water, and "
            "sank without a sound.]",
            "[{h} ran along the shore and called. {He} reached into the cold water as far as {he} "
            "could. But the water was deep, and it gave nothing back."
            "|\"No!\" {he} {h.cried}. {He} waited until evening, and {he} came back the next day "
            "and the day after. But it did not come back.]",
            "[At home {he} put {his} head in {his} arms and wept. Someone offered {him} another "
            "one. But it was not the same."
            "|\"We can get a new one,\" said a kind voice. {H} shook {his} head. \"There is no "
            "other one like it,\" {he} said, and {his} tears ran down.]",
        },
    },
    {
        .name = "friend_moves_away",
        .flags = WEIR_STORY_SAD,
        .about = "[saying goodbye"
            "|a friend who moves away"
            "|missing a friend]",
        .who = "[who has to say goodbye to a friend"
            "|whose best friend moves away]",
        .title = "[Goodbye"
            "|When {f.n} Moved Away"
            "|The Empty House]",
        .brief =
            "{H.first} and {f.intro} had always been best friends. Then {f} had to move far away, "
            "and {h} waved until the wagon was out of sight. After that {h} sat alone under their "
            "tree, and {he} was very sad.",
        .beats = {
            "[{h} had one best friend, {f.intro}. They had built a tree house together, and a "
            "dam, and a language that nobody else understood."
            "|Next door lived {f.intro}. As long as {h} could remember, they had played together "
            "every single day."
            "|{H} and {f.intro} were so close that people called them the two peas."
            "|They had met when they were very small, {h} and {f.intro}. Neither of them could "
            "remember a day without the other.]",
            "[{oneday}, {f} came with red eyes. \"We are moving away,\" {f.he} said. \"Far away, "
            "over the mountains.\" {H} did not understand. \"For how long?\" \"For ever,\" said "
            "{f}."
            "|Then, {oneday}, there were boxes in front of {f.n}'s house. \"We have to go,\" {f} "
            "said, \"and I do not want to.\""
            "|{oneday}, there was a strange wagon in the street. Men carried out the table, the "
            "beds and the clock. \"Where are you taking them?\" asked {h}. {F} stood at the gate "
            "and could not say it.]",
            "[\"You cannot go,\" said {h}. \"Who will hold the other end of the rope?\" {F} did "
            "not know."
            "|They hid in their secret place and hoped that nobody would find them. But in the "
            "evening they got hungry, and that was that."
            "|They made a plan. {F} would live in {h.n}'s {h.home}, under the bed. It was a good "
            "plan, but the grown-ups found it out.]",
            "-"
            "[On the last day they did everything once more. They ran through the high grass, "
            "they threw stones into the pond, they said their secret words. But none of it was "
            "funny."
            "|They gave each other a present. {H} gave {f} a round stone, and {f} gave {h} "
            "{f.his} [red scarf|green cap]."
            "|They cut a ribbon in two and tied it around their wrists, one half each. \"As long "
            "as we wear it,\" they said, and did not finish the sentence.]",
            "[Then the wagon came. {F} sat in the back and waved. {H} ran after it as long as "
            "{he} could. Then {he} stood in the road and waved until there was only dust."
            "|\"Do not forget me,\" said {f}. \"Never,\" said {h}. The wagon rolled away, and the "
            "wheels creaked, and it got smaller and smaller."
            "|The wagon turned the corner. {H} heard the wheels for a little while longer. Then "
            "{he} heard only the sparrows, who did not know what had happened.]",
            "[The next day {h} went to the tree house. It was much too big for one. {He} said one "
            "of their secret words out loud, but nobody answered."
            "|In the evening {h} looked over at the dark windows next door. There was no light "
            "and no laughter. {H} missed {f.n} so much that it hurt."
            "|{h} knocked on the door next door, three short and one long, as {he} had always "
            "done. It sounded hollow. {He} sat down on the step and looked at the ribbon, and "
            "everything went blurry.]",
        },
    },
    {
        .name = "snowman_melts",
        .flags = WEIR_STORY_SAD | WEIR_STORY_PARENT,
        .weather = WEIR_STORY_SNOW,
        .about = "[a snowman that melts"
            "|a friend made of snow"
            "|the end of winter]",
        .who = "[who builds a snowman"
            "|whose snowman melts]",
        .title = "[The Snowman"
            "|{h.T} and the Snowman"
            "|When the Snow Melted]",
        .brief =
            "{H.first} built a snowman, and they became friends. But spring came, and the sun "
            "grew warmer every day. One morning there was only a hat in a puddle, and {h} was "
            "very sad.",
        .beats = {
            "[{oneday}, the snow was just right. {H} rolled one big ball, one middle ball and one "
            "small ball. {He} took two stones for the eyes and a carrot for the nose. \"You look "
            "good,\" said {h}."
            "|In winter {h} built a snowman. {He} gave him a hat, a broom, and a very friendly "
            "smile. \"What is your name?\" {he} asked. The snowman said nothing, so {h} called "
            "him Flake."
            "|The first snow was so soft that {h} sank up to {his} knees. It took {him} all "
            "afternoon, and then somebody was standing there with a crooked hat and coal-black "
            "eyes. \"I have always wanted to know someone like you,\" said {h}.]",
            "[Every morning {h} said hello to him. Every evening {h} told him about the day. The "
            "snowman did not say much, but he was a good listener."
            "|From then on {h} was never alone. {He} read to the snowman, and {he} had tea with "
            "him, cold tea, of course."
            "|{h} told him things that {he} had never told anybody. A snowman does not laugh at "
            "you, and he does not tell.]",
            "-"
            "[When the wind was icy, {h} shivered, but the snowman seemed to smile even more. "
            "\"You love the cold,\" said {h}. \"I will learn to love it, too.\""
            "|Once {h} gave him {his} own scarf. \"So that you are not cold,\" {he} said. "
            "{F.intro}, who was passing, laughed, but not in a mean way."
            "|They watched the stars together. The snowman was out there all night anyway. \"Do "
            "you know their names?\" asked {h}. He did not, and so {h} gave them some.]",
            "[Then the days grew longer. Drip, drip, went the roof. {F} said, \"Spring is "
            "coming!\" and everybody was glad. Only {h} was not."
            "|One day a warm wind came. The snow on the hill was suddenly gray. {H} saw that the "
            "snowman had grown thinner."
            "|There came a morning when the air smelled different, of earth, and of something "
            "green. {F.first} took off {f.his} coat. \"Is it not lovely?\" said {f}. {H} ran to "
            "the snowman. A drop was hanging from his nose.]",
            "[{h} put up an umbrella for him against the sun. {He} brought snow from the shadow "
            "behind the house and patted it on. But every day there was less of him."
            "|\"Please stay,\" said {h}. {He} built a wall to keep the sun away. But the sun is "
            "stronger than a wall."
            "|All day {h} carried snow in a bucket, from farther and farther away. In the evening "
            "there was none left to carry.]",
            "[One morning there was only a puddle with a hat in it, and a carrot, and two stones. "
            "{H} stood there for a long time."
            "|Then came a night of rain. In the morning the smile was gone, and the hat lay in "
            "the grass. {H} picked it up and cried."
            "|It happened while {h} was asleep. When {he} looked out, there was grass, and in the "
            "grass lay a crooked hat. A blackbird was singing next to it, as if nothing had "
            "happened.]",
            "[\"He has not gone completely,\" said {m} softly. \"He is in the brook now, and in "
            "the clouds.\" But {h} only wanted him back."
            "|The carrot {he} gave to the birds. The two stones {he} kept. And {his} heart was as "
            "heavy as the stones."
            "|{h} put the hat on the hook by the door. Sometimes, when nobody is looking, {he} "
            "says good night to it, and then {he} has to swallow hard.]",
        },
    },
    {
        .name = "old_tree",
        .flags = WEIR_STORY_SAD,
        .about = "[an old tree"
            "|a tree that falls"
            "|something that ends]",
        .who = "[who loves an old tree"
            "|who loses a favorite tree]",
        .title = "[The Old Tree"
            "|{h.T} and the Old Tree"
            "|Where the Tree Stood]",
        .brief =
            "{h.first} loved an old apple tree more than any other place. One night a storm blew "
            "it down. {H} sat on the trunk and cried, because there would never be such a tree "
            "again.",
        .beats = {
            "[Behind {h.n}'s {h.home} stood an apple tree. It was older than anyone could "
            "remember. {H} knew each of its branches."
            "|{h} had a favorite place. It was an old apple tree {p.in}. In its shade {he} had "
            "learned to read, and to whistle, and to do nothing."
            "|Everybody in the family had been a baby under that tree. It was an apple tree, "
            "crooked and broad, and {h} thought that it belonged to {him}, or that {he} belonged "
            "to it.]",
            "[In spring it was white with blossom. In summer it was full of birds. In autumn it "
            "threw its apples at {h.n}'s feet. Plop, plop."
            "|When {h} was happy, {he} went to the tree. When {h} was sad, {he} went to the tree "
            "as well, and leaned {his} back against it."
            "|It had a hollow for secrets, and a branch that was just right for sitting. If you "
            "put your ear to it in April, you could hear it hum.]",
            "[One night there was a storm. It howled and it shook the walls. {H} lay awake. "
            "{suddenly} there was a crack, so loud that {he} sat up in bed."
            "|Then came the autumn of the great wind. All night long it roared. \"Hold on, old "
            "tree,\" whispered {h} into {his} pillow."
            "|The storm came without any warning. It threw tiles from the roofs. {H} lay awake "
            "and thought of the tree. Toward morning there was a long, tired groan.]",
            "[In the morning {h} ran outside. The tree was lying on the ground. Its roots stuck "
            "up into the air, and the sky where it had stood was empty."
            "|When {he} came there the next day, it was much too bright. The tree had fallen. "
            "Birds sat on it and did not know where to go."
            "|When it was light, {he} saw it. It was lying across the path, with all its little "
            "green apples. They would never be red now.]",
            "[\"It was very old,\" said {e.intro}. \"It had a good life.\" {H} knew that. But "
            "{he} put {his} arms around the trunk and cried."
            "|{F.intro} came and sat down beside {him}, and said nothing, and that was good. {H} "
            "stroked the bark. It was still a little warm from the sun."
            "|\"It stood for a hundred years,\" said {e.intro}, and took off {e.his} hat. {H} did "
            "not care about the hundred years. {He} wanted tomorrow.]",
            "-"
            "[They picked up the last apples. They were small and sour. {H} ate one very slowly, "
            "because it was the last one in the world."
            "|{H} broke off a small twig and took it home. It stood in a glass by the window, and "
            "every day it looked a little more tired."
            "|{h} counted the rings with {his} finger. There, quite far out, was the year when "
            "{he} was born. It was a wide ring. It had been a good summer.]",
            "[Where the tree had stood, there was only grass now. Sometimes {h} still leaned "
            "back, without thinking, and there was nothing there."
            "|Someone planted a young tree in the same place. \"In a hundred years it will be "
            "just as big,\" they said. But a hundred years is a very long time when you are sad."
            "|In the evening {he} climbed up on the trunk, in the place where the branch had "
            "been. It was so low now. {H} sat there until the first stars came out, and wept.]",
        },
    },
    {
        .name = "cannot_sleep",
        .flags = WEIR_STORY_BEDTIME | WEIR_STORY_PARENT,
        .about = "[going to sleep"
            "|{h.a} that cannot sleep"
            "|bedtime]",
        .who = "[who cannot sleep"
            "|who does not want to go to bed]",
        .title = "[{h.T} Cannot Sleep"
            "|Good Night, {h.call}"
            "|One Sleepless Night]",
        .brief =
            "{h.first} could not sleep and asked everyone how they did it. The owl said one "
            "thing, the fish said another, and nothing helped. Then {m} sang a song, and before "
            "it was over, {h} was asleep.",
        .beats = {
            "[It was night, and everybody was asleep. Only {h} was not. {He} lay on {his} left "
            "side, and {he} lay on {his} right side, and {he} lay upside down."
            "|\"Good night,\" said {m}, and blew out the light. \"Good night,\" said {h}. But "
            "sleep did not come. {He} was as awake as a rooster in the morning."
            "|The clock struck nine, and the clock struck ten. {H} had counted all the strokes. "
            "There was a lump in the pillow, and it was on every side.]",
            "[{he} looked out of the window and saw a bat. \"How do you sleep?\" asked {h}. "
            "\"Upside down,\" said the bat. {H} tried it. All the blood ran to {his} head, and "
            "{he} fell on the rug."
            "|\"How do you do it?\" {h} asked the moth on the wall. \"I fly around a lamp until I "
            "am dizzy,\" said the moth. {H} ran around the table ten times. Now {he} was dizzy "
            "and still awake."
            "|\"Count stars,\" said the cricket outside. {H} counted to one hundred and six. Then "
            "a cloud came, and {he} had to start again."
            "|There was a cat on the windowsill, rolled up like a bun. \"What is the trick?\" "
            "asked {h}. The cat opened half an eye. \"There is no trick,\" it said. \"I just stop "
            "doing anything else.\"]",
            "-"
            "[The frog in the pond said, \"I sing until I am tired.\" {H} sang. Three neighbors "
            "knocked on the wall."
            "|The snail said, \"I pull in my head.\" {H} pulled {his} head under the blanket. It "
            "was dark in there, and much too warm."
            "|{he} asked the clock. \"Tick, tock,\" said the clock. It never slept at all, so it "
            "was no help.]",
            "[{he} drank some water. {He} shook up the pillow. {He} thought about sheep, but the "
            "sheep began to play leapfrog, and that was far too exciting."
            "|{atlast} {he} got up and went to {m} on tiptoe. \"I have forgotten how to sleep,\" "
            "{he} whispered."
            "|{he} tried the other end of the bed. {He} tried it under the bed. There was a lot "
            "of dust down there, and {he} sneezed {himself} wide awake.]",
            "[{m} did not scold. {M.he} took {him} in {m.his} arms and rocked {him}. \"You do not "
            "have to sleep,\" {m.he} said. \"You only have to rest a little and listen.\""
            "|Then the door opened softly. \"Are you still awake?\" asked {m}, and sat down on "
            "the edge of the bed. \"I will tell you about the day when you were born.\""
            "|A warm hand was laid on {his} forehead. It was {m}. \"Shall I sit with you for a "
            "while?\" {m.he} asked. {M.he} did not light the lamp. {M.he} only sat there, and "
            "breathed in and out.]",
            "[And {m} sang, very quietly, about the moon who puts the clouds to bed, one by one, "
            "the big ones and the little ones. {H} wanted to ask how many clouds there were. But "
            "{he} was too tired to ask."
            "|It was a slow story, with a lot of snow in it, and the snow fell and fell. {H} "
            "heard the beginning. Nobody knows if {he} heard the end."
            "|\"Once there was a day,\" {m} began, \"when nothing happened at all.\" It was the "
            "most boring story in the world. There was a cow in it, who looked at a gate. {H} "
            "wanted to ask if the gate was open.]",
            "[And then it was very still. {H} was asleep. Good night, little {h.k}."
            "|{M} tucked {him} in and kissed {him} on the nose. Outside the moon went slowly over "
            "the roof. Everyone in the whole wide world was asleep."
            "|But the answer could wait until morning. And now everyone sleeps: the cat, the cow "
            "and the gate.]",
        },
    },
    {
        .name = "moon_visit",
        .flags = WEIR_STORY_BEDTIME,
        .about = "[the moon"
            "|a wish to touch the moon"
            "|a quiet night]",
        .who = "[who wants to touch the moon"
            "|who talks to the moon]",
        .title = "[{h.T} and the Moon"
            "|A Visit from the Moon"
            "|Good Night, Moon]",
        .brief =
            "{h.first} wanted to touch the moon and climbed the highest hill, but it was still "
            "far away. Then {he} saw the moon in a small pond and put {his} hand on it. Happy and "
            "tired, {he} went home to bed.",
        .beats = {
            "[Every evening {h} looked at the moon. It was so round and so near. \"I would like "
            "to touch it,\" {he} said, \"only once.\""
            "|\"What does the moon feel like?\" {h} wondered one night. \"Is it soft like bread "
            "or cool like a plate?\" Nobody could tell {him}."
            "|One evening the moon sat on top of the chimney, as big as a cheese. \"If I had a "
            "ladder,\" said {h}, \"I could stroke it.\"]",
            "[{h} climbed on a chair. The moon was still too far away. {He} climbed on the roof. "
            "It was still too far away."
            "|{he} stood on {his} toes and stretched out {his} arm. {He} missed it by just a "
            "little, or so it seemed."
            "|{he} fetched the ladder. {He} fetched a broom. {He} put the broom on top of the "
            "ladder and {himself} on top of the broom. The moon moved a little higher, just to be "
            "safe.]",
            "[So {he} walked {p.to}, by the light of the stars. The grass was wet, and the "
            "crickets were singing their long song."
            "|So {he} set out for the highest hill. \"Where are you going so late?\" asked "
            "{e.intro}. \"To the moon,\" said {h}. \"Ah,\" said {e}. \"Give it my regards.\""
            "|\"Then I will go to where it lives,\" said {h}, and {he} went out into the blue "
            "night, {p.to}. Every leaf had a silver edge.]",
            "-"
            "[The moon walked along with {him}. When {he} stopped, it stopped. When {he} ran, it "
            "ran. It seemed to like {him}."
            "|A sleepy [dormouse|toad] came along for a while, and then lay down by the path and "
            "slept."
            "|Whenever {he} looked up, it was there, behind the trees, between the branches. It "
            "was like a walk with somebody who does not talk much.]",
            "[On the top {he} stretched as high as {he} could. It was no good. The moon was just "
            "as far away as before. {H} sat down and sighed."
            "|But at the highest point of the hill the moon was no closer. \"You are too high "
            "up,\" said {h} sadly. The moon said nothing."
            "|At the top there was only more sky. {H} stood on a stone and reached out. {His} "
            "fingers closed around nothing. \"Good evening,\" {he} said all the same, because "
            "{he} had come such a long way.]",
            "[Then {he} saw something shining in the grass. It was a small pond, and in the pond "
            "lay the moon! {H} knelt down. Very gently, {he} put {his} hand on it. It was cool "
            "and soft, and it trembled a little."
            "|{later} {he} was thirsty and bent down over a pond. And there it was, right under "
            "{his} nose, round and golden. {H} touched it with one finger. The moon laughed in a "
            "hundred little rings."
            "|At {his} feet there was a rain puddle, no bigger than a plate. And who was swimming "
            "in it? {H} held {his} breath. {He} dipped in one fingertip, and the moon wrinkled "
            "its whole face and smiled.]",
            "[\"Good night, moon,\" whispered {h}. Then {he} went home and fell asleep at once. "
            "And the moon looked in through the window and covered {him} with light."
            "|{h} yawned. The way home was downhill. {He} crept into {his} bed and dreamed of "
            "something cool and soft, and the moon kept watch until morning."
            "|So now {he} knew what it felt like. It felt like water, and like sleep. {H} went "
            "home with one wet finger, and did not dry it.]",
        },
    },
    {
        .name = "bear_winter_sleep",
        .flags = WEIR_STORY_BEDTIME | WEIR_STORY_FRIENDS,
        .not_hero = WEIR_STORY_ADULT,
        .about = "[a long winter sleep"
            "|waiting for spring"
            "|two friends in winter]",
        .who = "[who waits for spring"
            "|whose friend sleeps all winter]",
        .title = "[The Long Winter Sleep"
            "|Until Spring"
            "|{h.T} Waits for Spring]",
        .brief =
            "{h.first} had to wait because a bear friend slept all winter. {He} kept a bit of "
            "everything, a snowflake's story, a nut, a song. When spring came, {h} told the bear "
            "about the winter, and then both of them had a nap in the sun.",
        .beats = {
            "[\"I have to go to bed now,\" said the bear, who was {h.n}'s best friend. "
            "\"Already?\" asked {h}. \"It is only autumn.\" \"I sleep until spring,\" said the "
            "bear. \"Then tell me what I have missed.\""
            "|When the leaves fell, the big brown bear began to yawn. \"Good night,\" he said to "
            "{h}. \"Wake me when the first flower comes.\" And he lay down in his cave."
            "|Every autumn it was the same. The bear ate and ate, and then one evening he hugged "
            "{h} and said, \"See you in spring.\" {H} had never liked that part.]",
            "[{h} tucked the bear in with leaves. \"Sleep well,\" {he} whispered. Then {he} went "
            "out into the snow, all alone."
            "|{h} listened at the cave. Rrrr, went the bear. Rrrr. It would be a long winter."
            "|{h} put a sign in front of the cave. \"Quiet, please,\" it said. Then {he} walked "
            "home, and {his} own steps sounded very loud.]",
            "[The first snow fell. \"The bear should see this,\" thought {h}. {He} looked at the "
            "flakes very carefully, so that {he} could tell him about it later."
            "|One day all the puddles were ice, and {h} slid from one end of the world to the "
            "other. {He} kept that in {his} head for the bear."
            "|{h} began a list, so that {he} would forget nothing: first frost, first flake, "
            "first snowball down the neck. {He} was already on the third page.]",
            "-"
            "[On the longest night of the year there were lights in all the windows. {H} put a "
            "little lamp in front of the cave. The bear smiled in his sleep."
            "|Once {h} lay down beside the bear for an afternoon. It was warm there and smelled "
            "of honey. But {h} was not made for sleeping so long."
            "|It was so cold that the words froze in the air. {H} would have liked to save one of "
            "them for the bear.]",
            "[In deep winter {h} met {f.intro}, who was lonely, too. They built a hut of snow and "
            "drank hot milk in it. \"I must tell the bear about you,\" said {h}."
            "|When it was coldest, {h} learned a song from {f.intro}. It had eleven verses. {H} "
            "practiced every day, because the bear liked songs."
            "|{F.intro} came skating by on two wooden spoons. \"I am collecting the winter for "
            "somebody,\" said {h}. \"Then you need some of this,\" said {f}, and put an icicle in "
            "{his} hand. From then on, they collected together.]",
            "[Then, one morning, something yellow stood in front of the cave. It was the first "
            "flower. \"Wake up!\" called {h}. \"It is spring!\" The bear opened one eye. \"Is "
            "it?\" he asked. \"Then tell me everything.\""
            "|One day the snow began to drip. A smell of earth was in the air. And the bear came "
            "out of his cave, thin and sleepy, and stretched. \"Good morning,\" he said. \"What "
            "did I miss?\""
            "|There was a rumble in the cave, then a yawn that went on for half a morning. Two "
            "brown ears appeared. \"What smells so good?\" asked the bear. It was spring.]",
            "[And {h} told him about the snow and the ice and the lamp, and about {f}. It took "
            "the whole day. In the end it was {h} who fell asleep, with {his} head on the bear's "
            "warm belly."
            "|So they sat in the first warm sun, and {h} told the whole winter from the "
            "beginning. When {he} came to the end, both of them were asleep. Spring was in no "
            "hurry."
            "|{h} read the whole list to him. {F} showed what it looks like to fall on the ice. "
            "The bear laughed in all the right places. \"What a lovely winter,\" he said. \"It is "
            "as if I had been there.\"]",
        },
    },
    {
        .name = "new_house",
        .flags = WEIR_STORY_FRIENDS | WEIR_STORY_PARENT,
        .not_hero = WEIR_STORY_ADULT,
        .about = "[a new home"
            "|moving to a new house"
            "|being new somewhere]",
        .who = "[who moves to a new home"
            "|who is new in town]",
        .title = "[The New House"
            "|{h.T} Moves In"
            "|A New Home]",
        .brief =
            "{h.first} moved to a new home and missed everything {he} knew. Then {f.intro} "
            "knocked on the door and showed {him} the best places. By evening the new house felt "
            "a little like home, and {h} was {feel.happy}.",
        .beats = {
            "[{oneday}, {h} moved to a new place. There were boxes everywhere. The door was on "
            "the wrong side, and the stairs creaked in the wrong way."
            "|But {oneday}, {he} had to move. The new {h.home} smelled of paint. \"I want to go "
            "home,\" said {h}. \"This is home now,\" said {m}. It did not feel like it."
            "|Everything {h} owned was in a cart, even {his} bed. The cart rolled over the hill, "
            "and on the other side was a new house with a strange number on the door.]",
            "[{h} sat on a box and {look.homesick}. At home {he} knew every stone. Here {he} did "
            "not even know where the sun came up."
            "|At night the shadows on the wall were strange shadows. {H} was {feel.homesick} and "
            "cried a little into {his} pillow."
            "|{h} unpacked {his} things and put them where they had always been. But there was no "
            "shelf there, and the window was missing. {H} {look.sad}.]",
            "[{nextday}, there was a knock. Outside stood {f.intro}. \"Are you the new one?\" "
            "asked {f}. \"I live over there. Do you like mud?\" {H} thought about it. \"Yes,\" "
            "{he} said."
            "|{nextday}, something came flying through the window. It was a ball. \"Sorry!\" "
            "called a voice. A head came up, and it belonged to {f.intro}. \"Want to play?\""
            "|{nextday}, a paper bird came sailing over the hedge. On its wing it said: \"Do you "
            "live here now?\" {H} wrote \"Yes\" on the other wing and threw it back. The hedge "
            "giggled. It was {f.intro}.]",
            ">"
            "[{f} showed {him} everything: the best tree for climbing, the hole in the fence, and "
            "the place {p.in} where you can find things {p.spot}."
            "|They ran {p.to}. \"This is where I come when I am sad,\" said {f}, \"and that over "
            "there is where I come when I am not.\""
            "|\"You have to know the important things,\" said {f}: where the dog is that does not "
            "bite, who gives you a bun if you look hungry, and how to get {p.to} without being "
            "seen.]",
            "[\"Do you miss your old home?\" asked {f}. \"Very much,\" said {h}. \"I was new "
            "once, too,\" said {f}. \"It takes eleven days. Then it is yours.\""
            "|{h} told {f} about {his} old home, and {f} listened until the end. \"It sounds "
            "nice,\" said {f}. \"You can have two homes, you know. One here and one in your "
            "head.\""
            "|\"At my old place there was a tree,\" said {h}. \"We have one, too,\" said {f}. "
            "\"It is not the same one. But you can tell it about the other.\"]",
            "[When {h} came back in the evening, {he} knew which stair creaked, and jumped over "
            "it. \"Where have you been?\" asked {m}. \"At home,\" said {h}, and then {he} "
            "laughed, because it was true."
            "|That night the shadows on the wall were the same as before. But now {he} saw that "
            "one of them looked like {f}. {H} waved at it and fell asleep."
            "|Eleven days later {h} woke up, and {he} did not think of boxes any more. The sun "
            "came in through the window, just where it should. {H} was {feel.happy}."
            "|That night {h} lay in {his} bed and listened. The stairs creaked, the pipe gurgled, "
            "somebody laughed in the next house. They were all still new noises, but {he} already "
            "had a favorite one.]",
        },
    },
    {
        .name = "lost_tooth",
        .flags = WEIR_STORY_FUNNY | WEIR_STORY_PARENT,
        .hero = WEIR_STORY_CHILD | WEIR_STORY_ANIMAL,
        .not_hero = WEIR_STORY_FLIES | WEIR_STORY_TINY,
        .about = "[a loose tooth"
            "|a tooth that does not want to come out"
            "|losing a tooth]",
        .who = "[who has a loose tooth"
            "|who loses a tooth]",
        .title = "[The Loose Tooth"
            "|{h.T} and the Tooth"
            "|Wiggle, Wiggle]",
        .brief =
            "{h.first} had a loose tooth that did not want to come out. {F.intro} tried it with a "
            "string, a door and an apple. In the end {h} laughed so hard that the tooth flew out "
            "by itself.",
        .beats = {
            "[{oneday}, {h} bit into a crust of bread, and something wiggled. \"I have a loose "
            "tooth!\" {he} {h.cried}. {M} looked at it. \"It will come out by itself,\" {m.he} "
            "said."
            "|{h} had a tooth that wiggled. It wiggled to the left and it wiggled to the right, "
            "but it would not come out."
            "|It was in the middle of breakfast. \"Ow,\" said {h}. \"Is it the egg?\" asked {m}. "
            "It was not the egg. It was a tooth, and it moved like a gate in the wind.]",
            "[But {h} could not wait. {He} went to {f.intro}. \"Pull it out, please,\" {he} said. "
            "{F} was very pleased. \"I have always wanted to be a dentist,\" {f.he} said."
            "|\"I know how to do it,\" said {f.intro}, who was {his} best friend and knew "
            "everything."
            "|\"How long does it take?\" asked {h}. \"It takes as long as it takes,\" said {m}. "
            "That was too long. {H} went to see {f.intro}, who owned a pair of pliers and a book "
            "about elephants.]",
            "[First they tied one end of a string to the tooth and the other end to the door. "
            "Bang! The door flew shut. The string broke, and the tooth stayed where it was."
            "|First {f} tied a string to the tooth and to a big stone. Then {f.he} pushed the "
            "stone down the hill. But {h} ran along behind it, all the way down."
            "|They tied the tooth to the tail of a kite and waited for the wind. The kite rose. "
            "{H} rose, too, at least on {his} toes. Then the string slipped off.]",
            "[Then {h} ate an apple, and a carrot, and a very hard pretzel. {H} was full. The "
            "tooth wiggled and stayed."
            "|Next {h} tried to scare the tooth. {He} made terrible faces in the mirror. The "
            "mirror looked scared, but not the tooth."
            "|\"Bite on this,\" said {f}, and held out a boot. {H} bit on it. Now they had a boot "
            "with a hole in it.]",
            "-"
            "[\"Perhaps it likes you,\" said {f}. \"Perhaps it is shy,\" said {h}."
            "|They asked {e.intro}, who had no teeth left at all. \"Mine went away long ago,\" "
            "said {e}. \"I think they did not like turnips.\""
            "|{h} began to speak with {his} mouth closed, and it sounded like a very small "
            "trumpeter far away.]",
            "[{f} sat down to think, right on the cake that {m} had put on the chair. Squish! {F} "
            "jumped up with cream on {f.his} bottom. {H} laughed and laughed, and pop, something "
            "small and white flew through the air."
            "|\"Let me look again,\" said {f}, and leaned forward, and fell off the chair, and "
            "pulled the tablecloth down with {f.him}. {H} shouted with laughter, and then {he} "
            "felt a hole where the tooth had been."
            "|\"I have an idea,\" said {f}. Just then {f} sneezed, so hard that the pepper flew "
            "up. And so {h} sneezed as well, once, twice, and at the third time something went "
            "ping against the kettle.]",
            "[It lay in the [butter|sugar bowl] and gleamed. \"It came out by itself,\" said {m}, "
            "\"just as I said.\" {H} smiled, and it was a smile with a window in it."
            "|\"My tooth!\" said {h}, but it sounded like \"My toof!\" And then they had to laugh "
            "all over again."
            "|There was a small, warm gap, and {his} tongue had to go and see it again and again. "
            "\"Does it hurt?\" asked {f}. \"It whistles,\" said {h}, and it did.]",
        },
    },
    {
        .name = "rainy_day",
        .flags = WEIR_STORY_FRIENDS,
        .weather = WEIR_STORY_RAIN,
        .about = "[a rainy day"
            "|a boring day"
            "|what to do when it rains]",
        .who = "[who is bored on a rainy day"
            "|who makes the best of a rainy day]",
        .title = "[A Rainy Day"
            "|{h.T} and the Rain"
            "|Drip, Drop]",
        .brief =
            "It rained all day, and {h.first} was {feel.bored}. Then {f.intro} came with wet "
            "feet, and they turned the table into a ship. They sailed around the world and did "
            "not notice that the sun had come out.",
        .beats = {
            "[It was raining. {w.line} {H} had wanted to go {p.to}, and now {he} could not. "
            "\"What a boring, boring day,\" {he} said."
            "|{oneday}, {h} wanted to have a picnic {p.in}. Everything was packed. But when {he} "
            "opened the door, it was raining cats and dogs."
            "|Raindrops were racing down the pane. {H} had bet on the left one, and {he} had "
            "lost. {w.line} There would be no trip {p.to} today.]",
            "[{h} counted the drops on the window. {He} counted the cracks in the wall. {H} was "
            "{feel.bored}."
            "|{h} pressed {his} nose against the window. Drip, drop. Drip, drop. The clock ticked "
            "very slowly."
            "|\"There is nothing to do,\" said {h} to the ceiling. The ceiling had nothing to say "
            "to that. {H} was {feel.bored}.]",
            "[Then there was a knock. Outside stood {f.intro}, dripping wet. \"I was bored,\" "
            "said {f}, \"so I thought we could be bored together.\""
            "|{suddenly} the door flew open. It was {f.intro}. \"Why are you sitting here?\" "
            "{f.he} asked. \"The sea is rising! All aboard!\""
            "|Splash, splash, splash, somebody was coming up the path in boots that were much too "
            "big. It was {f.intro}. \"Do you know what this is?\" {f} asked, and pointed at the "
            "puddle in front of the door. \"That is the sea.\"]",
            "[They turned the table upside down, and it was a ship. A broom was the mast, a sheet "
            "was the sail. \"Where are we going?\" asked {f}. \"To the end of the world,\" said "
            "{h}, \"and back in time for supper.\""
            "|They hung a blanket over two chairs, and it was a tent in the desert. They had to "
            "be careful because of the lions."
            "|They dragged the washtub into the middle of the room. \"Anchors up!\" called {h}. "
            "\"Which way is America?\" asked {f}. \"Past the stove and then to the right.\"]",
            "-"
            "[They met a whale, which was the sofa, and a sea snake, which was a belt. \"Pull in "
            "your feet!\" called {h}, just in time."
            "|They saved the king of the cushions from a terrible carpet. He gave them each a "
            "medal, which was a bottle cap."
            "|A storm blew up, because somebody had opened the window. The captain lost {his} "
            "hat, and the crew threw out the ballast, which was a basket of onions.]",
            "[On an unknown island, under the stairs, they ate the picnic: {food} and a lot of "
            "crumbs. Nothing had ever tasted so good."
            "|For lunch they roasted {h.food} over a fire of red socks. \"Sailors are always "
            "hungry,\" said {f}."
            "|Behind the coal box lived the king of the stockings. He had no shoes, so they gave "
            "him a box of buttons and he let them pass. After that there was {food} for the whole "
            "crew.]",
            "[\"Look,\" said {f} at last. The sun was shining! It must have been shining for "
            "hours. \"Shall we go out?\" asked {h}. They looked at the ship. \"Tomorrow,\" said "
            "both of them."
            "|When it was time to go home, the rain had stopped long ago. Nobody had noticed. \"I "
            "hope it rains tomorrow, too,\" said {h}."
            "|Somebody knocked on the window. \"Are you coming out?\" called the others. \"It has "
            "not rained for hours!\" {H} and {f} looked at each other. \"We cannot,\" called {h}. "
            "\"We are in the middle of the ocean.\"]",
        },
    },
    {
        .name = "first_school_day",
        .flags = WEIR_STORY_PARENT | WEIR_STORY_FRIENDS,
        .hero = WEIR_STORY_CHILD | WEIR_STORY_ANIMAL,
        .not_hero = WEIR_STORY_ADULT,
        .about = "[the first day of school"
            "|going to school"
            "|being new at school]",
        .who = "[who goes to school for the first time"
            "|who is afraid of school]",
        .title = "[The First Day of School"
            "|{h.T} Goes to School"
            "|A Seat by the Window]",
        .brief =
            "It was the first day of school, and {h.first} wanted to stay at home. At school {he} "
            "sat beside {f.intro}, who was just as frightened. They held hands under the table, "
            "and when the bell rang, they did not want to go home.",
        .beats = {
            "[Tomorrow was the first day of school. {H} packed {his} bag and unpacked it again. "
            "\"I do not think I need to go,\" {he} said. \"I know quite a lot already.\""
            "|\"Time to get up,\" said {m}. \"Today is your first day of school!\" {H} pulled the "
            "blanket over {his} head. \"I have a tummy ache,\" {he} said, \"and my left ear "
            "hurts, too.\""
            "|All summer {h} had looked forward to school. But now that the day had come, {he} "
            "wished that the summer would start again from the beginning.]",
            "[{m} packed {him} some {h.food} and walked with {him} to the gate. The school was "
            "very big. The door was open like a mouth. \"Will you stay?\" asked {h}. \"I will be "
            "here at noon,\" said {m}."
            "|On the way {h} held on tight to the hand of {m}. At the gate {he} had to let go. It "
            "was the hardest thing {he} had ever done.]",
            "[In the classroom everybody talked at the same time. {H} found a seat by the window. "
            "Next to {him} sat {f.intro}, who did not talk at all. {F.his} lip was trembling."
            "|The teacher was [an old tortoise|a tall stork] with a kind voice. \"Sit down "
            "wherever you like,\" said the teacher. There was one free chair, and it was beside "
            "{f.intro}, who was staring at {f.his} shoes.]",
            "[\"Are you frightened?\" whispered {h}. {F} nodded. \"Me too,\" said {h}. It was "
            "strange. When {he} had said it, it was only half as bad. Under the table {he} gave "
            "{f} {his} hand."
            "|A tear fell on {f.n}'s new notebook. {H} wanted to say something clever, but {he} "
            "could not think of anything. So {he} broke {his} {h.food} in two and pushed one half "
            "over.]",
            "[They learned the letter A. They learned a song about a hen that nobody could sing "
            "without laughing. {F} could laugh so loudly that the chalk jumped."
            "|First they counted up to ten, and then back again. Then everyone was allowed to say "
            "what they could do best. \"I can wiggle my ears,\" said {h}, and {he} did. The whole "
            "class cheered.]",
            "-"
            "[In the break they ran around the big tree until they were dizzy. Somebody fell "
            "down, and somebody helped him up again."
            "|Somebody had lost a tooth, and somebody had lost a shoe. It was a very interesting "
            "morning.]",
            "[When the bell rang, {h} was surprised. \"Is it over?\" {he} asked. \"Already?\" {M} "
            "was standing at the gate. \"How was it?\" {m.he} asked. \"We have to come back "
            "tomorrow,\" said {h}. \"They do not have all the letters yet.\""
            "|At noon {he} flew into the arms of {m}. \"I have a friend,\" {he} said, \"and an "
            "A.\" That evening {he} packed {his} bag at once, and {he} slept with {his} boots "
            "beside the bed.]",
        },
    },
    {
        .name = "night_train",
        .flags = WEIR_STORY_BEDTIME,
        .about = "[a night train"
            "|a journey in a dream"
            "|a train to the land of dreams]",
        .who = "[who rides on a night train"
            "|who travels in a dream]",
        .title = "[The Night Train"
            "|{h.T} and the Night Train"
            "|All Aboard]",
        .brief =
            "In the night a little train stopped at the bed of {h.first} and took {him} along. It "
            "went over the roofs, past the moon and through the land of dreams. In the morning "
            "{h} woke up in {his} own bed with a ticket in {his} hand.",
        .beats = {
            "[{h} lay in bed and listened. Far away {he} heard it: choo, choo, choo. It came "
            "nearer. And then, very softly, a little train stopped in front of {his} window."
            "|When all the lights were out, there was a whistle, so soft that only {h} could hear "
            "it. A small blue train rolled across the blanket and stopped at the pillow. \"All "
            "aboard,\" whispered the driver.]",
            "[\"Where are you going?\" asked {h}. \"To the end of the night,\" said the driver, "
            "who was {e.intro} with a silver cap. \"Do you have a ticket?\" {H} reached under "
            "{his} pillow, and there it was."
            "|\"One ticket to morning, please,\" said {h}. The driver clipped a small star into "
            "it. The seats were of velvet, and there was a window for everyone.]",
            "[They rolled over the roofs, past sleeping cats and smoking chimneys. Clack, clack, "
            "clack, said the wheels. {P} lay down there, small and dark, like a toy that somebody "
            "had put away."
            "|The wheels sang: good night, good night, good night. They passed {p}. There was not "
            "a sound there. Even the wind had lain down.]",
            "[First stop: the moon. Somebody got off with a ladder to polish it. Second stop: the "
            "clouds. Here the sheep got on, one, two, three, four, and {h} counted them until "
            "{he} did not know how many there were."
            "|At the first station they took on dreams in large blue sacks. At the second station "
            "they took on silence. It weighed nothing at all, but there was a lot of it.]",
            "-"
            "[Across from {him} sat {f.intro}, in pajamas. \"I always take this train,\" said "
            "{f}, and yawned. \"The other one shakes so much.\""
            "|There was warm milk in the dining car. It came in cups that were shaped like half "
            "moons.]",
            "[Clack, clack, clack. The train went slower now. {H} leaned {his} head against the "
            "window. The stars ran along beside {him}, and then they walked, and then they stood "
            "still."
            "|It went into a tunnel that was as soft as a sleeve. Clack, said the wheels. Then "
            "there was a long pause. Clack. {His} eyes grew heavy.]",
            "[{H} did not hear the driver call out the last station. {He} was sleeping, deep and "
            "sound. Somebody carried {him} home, somebody covered {him} up. And in the morning "
            "there was a ticket on the pillow with a star in it."
            "|\"Morning,\" said the driver gently. \"Last stop.\" But {h} was asleep. So they let "
            "{him} sleep, and the train turned around on tiptoe. Good night.]",
        },
    },
    {
        .name = "blanket_fort",
        .flags = WEIR_STORY_FRIENDS | WEIR_STORY_PARENT,
        .not_hero = WEIR_STORY_ADULT,
        .about = "[building a fort"
            "|a blanket fort"
            "|a cozy evening]",
        .who = "[who builds a fort out of blankets"
            "|who builds a castle at home]",
        .title = "[The Blanket Fort"
            "|{h.T} Builds a Castle"
            "|No Grown-Ups]",
        .brief =
            "{h.first} and {f.intro} built a castle out of blankets and wanted to live in it for "
            "ever. When it grew dark, they got a little frightened and a little hungry. {M} "
            "knocked politely and was let in with {food}, and it was the coziest evening of the "
            "year.",
        .beats = {
            "[{oneday}, {h} and {f.intro} took all the blankets they could find. They hung them "
            "over the table and the chairs and fastened them with clothespins. \"This is our "
            "castle,\" said {h}."
            "|\"I would like to live in a castle,\" said {f.intro}. {H} looked around the room. "
            "There were four chairs, a table and nine blankets. \"No problem,\" said {h}.]",
            "[There was a throne room and a kitchen, and a dungeon for [shoes|spiders]. \"No "
            "grown-ups,\" {h} wrote on a sign. \"And no baths,\" added {f}."
            "|It had two towers, and one of them leaned a little. Inside it was golden like the "
            "inside of a pear. They crowned each other with paper crowns.]",
            "[\"Dinner is ready,\" called {m}. \"Kings eat when they want to,\" {h} called back. "
            "They had three crackers and half an apple. It was enough for a royal meal, or almost."
            "|\"It is time to go home, {f.call},\" said {m}. A voice came out of the castle: "
            "\"The king is not at home. He is riding.\"]",
            "~"
            "[They told each other stories, one about a knight without a horse and one about a "
            "horse without a knight. In the end both of them met."
            "|They held up the flashlight and made animals on the wall. {H} made a swan, and {f} "
            "made something with too many legs.]",
            "[Outside it grew dark. The wind rattled at the shutters. Inside the castle it became "
            "very quiet. \"Did you hear that?\" whispered {f}. \"It is only a dragon,\" said {h}, "
            "and moved a little closer."
            "|Then the leaning tower fell down. It was suddenly pitch-dark, and nobody knew where "
            "the door was. \"I am not afraid,\" said {f}, \"but if you were afraid, I would "
            "understand.\"]",
            "[Knock, knock. \"Who is there?\" asked the two kings with thin voices. \"A poor "
            "traveler,\" said {m}, \"with {food}. Would there be a little place for me?\" They "
            "looked at each other. \"We will make an exception,\" said {h}."
            "|Steps came nearer. The blanket was lifted. There stood {m} with a candle and a "
            "tray. \"I bring a gift for the kings,\" {m.he} said. The kings were very gracious.]",
            "[So they sat there, all three of them, under nine blankets, and ate. On the sign it "
            "now says: \"No grown-ups, except with supper.\""
            "|The castle stood for a week. Then somebody needed the blankets. But {h} kept the "
            "sign, because you never know.]",
        },
    },
    {
        .name = "grandpa_clock",
        .flags = WEIR_STORY_FRIENDS,
        .about = "[a grandfather"
            "|an old clock"
            "|a visit to somebody old]",
        .who = "[who visits {his} grandfather"
            "|who repairs an old clock]",
        .title = "[The Clock That Stopped"
            "|{h.T} and the Old Clock"
            "|Tick, Tock]",
        .brief =
            "The old clock of {e.intro} had stopped, and {e.he} had grown sad and silent. "
            "{H.first} came every day, cleaned each little wheel and listened to old stories. "
            "When the clock ticked again, {e} danced across the room with {h}.",
        .beats = {
            "[In the house of {e.intro} stood a tall old clock. It had always gone tick, tock, "
            "day and night. {oneday}, it stopped. And from that day on {e} sat in the chair and "
            "did not speak."
            "|{h} liked to visit {e.intro}. But {oneday} it was strangely quiet there. The big "
            "clock had stopped at ten past four. \"It was a present from my wedding,\" said {e}. "
            "\"Now it is as tired as I am.\"]",
            "[\"I will mend it,\" said {h}. {He} did not know anything about clocks. But {he} "
            "knew how to hold a screwdriver, and {he} had a lot of time."
            "|{h} opened the little door. Inside there were more wheels than {he} had ever seen "
            "in one place. \"One of you is to blame,\" {he} told them.]",
            "[{he} took out the first wheel, cleaned it, and laid it on a towel. \"That one "
            "squeaked on the day when we moved in here,\" said {e} suddenly. It was the first "
            "time in weeks that {e.he} had spoken."
            "|For each wheel that {he} took out, {he} asked {e} a question. \"What was it like "
            "when you were small?\" With the third wheel {e} began to answer.]",
            "[The next day {h} came again, and the day after that. There was a story for every "
            "wheel, one about a flood, one about a dance, one about a dog that could open doors. "
            "{H} forgot to look at the time. There was none, anyway."
            "|Soon {f.intro} came along as well, with a magnifying glass. They polished and they "
            "listened. Some of the stories were so long that they had to be continued the next "
            "day.]",
            "-"
            "[One of the wheels rolled under the cupboard. They found it there, together with a "
            "lost button, a letter, and a very old piece of candy."
            "|When everything was clean, it had to go back inside. There was one wheel left over. "
            "\"It was always left over,\" said {e}, and laughed.]",
            "[At last {h} gave the pendulum a push. Everyone held their breath. Tick, it said. "
            "There was a pause. Tock. Tick, tock, tick, tock!"
            "|{H} closed the little door and turned the key. Nothing. Then {e} stood up, slowly, "
            "and knocked on the side of the clock, once, with one knuckle. Tick, tock, tick, "
            "tock.]",
            "[{e} took {h} by both hands and danced once around the table, in slippers. \"It was "
            "not the clock that had stopped,\" said {e}. \"It was me.\""
            "|The clock has been three minutes slow since then. \"That is good,\" says {e}. \"So "
            "I have three minutes more with you.\" And {h} still comes every day.]",
        },
    },
    {
        .name = "swallow_leaves",
        .flags = WEIR_STORY_SAD,
        .not_hero = WEIR_STORY_FLIES,
        .weather = WEIR_STORY_WIND,
        .about = "[a bird that has to fly away"
            "|autumn and a goodbye"
            "|a friend who flies south]",
        .who = "[who has to let a bird go"
            "|whose friend flies away in autumn]",
        .title = "[The Last Swallow"
            "|{h.T} and the Swallow"
            "|When the Birds Flew South]",
        .brief =
            "All summer {h.first} took care of a swallow with a hurt wing. In autumn it was well "
            "again, and it had to fly south with the others. {H} opened {his} hand and let it go, "
            "and when it was gone, {he} cried.",
        .beats = {
            "[In June {h} found a swallow in the grass. Its wing was broken. {He} carried it home "
            "and made it a bed in an old slipper."
            "|One day in summer, a swallow flew against the window and fell down. {H} tied its "
            "wing with a thin strip of cloth. \"Stay here,\" {he} said, \"until you can fly.\"]",
            "[{h} caught flies for it, and that is not easy. {He} talked to it in the morning, "
            "and in the evening it sat on {his} shoulder. It had eyes like two drops of ink."
            "|Soon the swallow ate out of {his} hand. It learned the sound of {his} steps. When "
            "{he} was sad, it tugged at {his} {h.body}, and then {he} had to laugh.]",
            "[By August the wing was almost well. It flew from the chair to the cupboard, and "
            "from the cupboard to the lamp. {H} clapped. But each time {his} heart grew a little "
            "heavier."
            "|The swallow practiced every day. Once around the room, twice around the room. \"You "
            "do not have to hurry,\" said {h}.]",
            "[Then the leaves turned yellow. On the wires the other swallows sat in long rows and "
            "chattered about Africa. The little swallow sat at the window and looked out, and it "
            "did not eat."
            "|One morning the air smelled of smoke and apples. High up, a flock was gathering. "
            "The swallow fluttered against the glass. \"It must go,\" said {f.intro} softly. \"It "
            "cannot live through the winter here.\"]",
            "-"
            "[\"I could keep it,\" thought {h}. \"I could simply keep the window shut.\" {He} "
            "thought it all night long."
            "|\"Will it come back?\" {asked} {h}. \"Perhaps,\" said {e.intro}. \"Nobody knows. It "
            "is a very long way.\"]",
            "[{h} took it outside in both hands. {He} could feel its heart, quick and tiny. "
            "\"Thank you for the summer,\" {he} whispered. Then {he} opened {his} hands."
            "|{he} climbed the hill with the bird on {his} finger. {He} wanted to say something, "
            "but there was a lump in {his} throat. {He} lifted {his} arm. The swallow looked at "
            "{him} once more. Then the finger was light.]",
            "[It flew a circle above {his} head, and a second one. Then it was a dot among the "
            "other dots, and then there was only sky. {H} stood there until it was dark, and "
            "{his} tears would not stop."
            "|At home the slipper was empty. A small black feather lay in it. {H} put it under "
            "{his} pillow and cried {himself} to sleep.]",
        },
    },
};
/* clang-format on */

const weir_story_plots weir_story_plots_home = {plots, sizeof(plots) / sizeof(plots[0])};
