/*
 * gen_plots_play_tables.c: plots: games, jokes, contests, feasts. gen_story.h explains slots and
 * marks.
 */
#include "train/gen_story.h"

/* clang-format off */
static const weir_story_plot plots[] = {
    {
        .name = "contest_talent",
        .flags = WEIR_STORY_FRIENDS,
        .traits = "shy,clumsy,quiet,lonely,forgetful,dreamy,gentle,kind",
        .about = "[a talent show"
            "|a contest"
            "|finding out what you are good at]",
        .who = "[who takes part in a contest"
            "|who thinks {he} is not good at anything]",
        .title = "[The Talent Show"
            "|{h.T} on the Stage"
            "|What Can {h.T} Do?]",
        .brief =
            "There was going to be a talent show, and {h.first} thought that {he} could do "
            "nothing. When the stage went dark and the little ones were frightened, {he} told "
            "them a story. Everybody listened, and {h} won the prize for storytelling.",
        .beats = {
            "[{oneday}, there was a notice {p.in}: \"Talent show on Sunday! Come and show what "
            "you can do.\" {H} read it twice. \"I cannot do anything,\" {he} said."
            "|Everyone was talking about the talent show. {F.intro} was going to [juggle five "
            "plums|walk on a rope|whistle a tune backward]. \"And what will you do?\" {f} asked. "
            "{H} did not know."
            "|A wagon had brought a real stage, with a curtain made of red velvet. \"Whoever has "
            "a talent may go up there on Saturday,\" they said. {H} looked at {his} own two "
            "hands. What could they do? Nothing, it seemed.]",
            "[{he} tried to juggle, and the plums fell on {his} head. {He} tried to sing, and the "
            "birds flew away. {He} tried to dance, and fell over the cat."
            "|{h} practiced magic. {He} made an egg disappear, but {he} sat on it by mistake. "
            "{He} practiced standing on {his} head, and stood on somebody else's."
            "|{he} asked around. {F.first} could stand on one finger, almost. {H} tried it and "
            "broke a lamp. {He} tried to play the comb, and it gave {him} a moustache of paper.]",
            "[\"I will only watch,\" said {h}. {He} sat in the last row. The others were "
            "wonderful. They tumbled and fiddled and breathed fire, and everyone clapped."
            "|On Sunday {h} sat behind the curtain and pulled it open and shut. At least that was "
            "something {he} could do."
            "|So {h} sold the tickets. When all of them were sold, {he} sat on the steps at the "
            "side, where it was dark, and watched.]",
            "[{suddenly} the wind blew out all the lamps. It was pitch-dark. The little ones "
            "began to cry. \"Stay in your seats!\" called somebody, but nobody listened."
            "|Then, in the middle of the show, the lights went out. Something crashed. \"I want "
            "to go home!\" wailed a small voice, and then another."
            "|All at once there was a bang, and the light was gone. The juggler stopped juggling. "
            "You could hear five plates fall, one after the other. Somebody began to sob.]",
            "[{h} did not think about it. {He} just began to talk. \"Once there was a dark,\" "
            "{he} said, \"and it was afraid of children.\" One child stopped crying. \"Why was it "
            "afraid?\" it asked. \"Because they were so loud,\" said {h}."
            "|\"It is all right,\" said {h} into the darkness. \"Do you know the story of the "
            "moon who lost her shoe?\" And {he} told it, just as it came into {his} head. It grew "
            "quiet. Even the wind listened."
            "|{h} felt a small hand in {his}. \"Talk,\" whispered the child. So {h} talked. "
            "\"There was a cloud,\" {he} began, \"who was afraid of thunder, and that is not good "
            "for a cloud.\" It grew still around {him}, in bigger and bigger circles.]",
            "[{he} told how the moon hopped on one foot and how all the stars looked under their "
            "beds. By the time someone had found a match, the story was over, and nobody had "
            "noticed the dark any more."
            "|{his} voice was not loud, but it went all the way to the last row. When the lamps "
            "were burning again, everybody was leaning forward. \"And then?\" they asked. \"And "
            "then?\""
            "|The cloud got lost, and found a friend, and learned to rain. Nobody knew how long "
            "it took. When the light came back, they all blinked, as if they had been somewhere "
            "else.]",
            "[They clapped until the benches shook. \"I thought you could not do anything,\" said "
            "{f}. \"That was only talking,\" said {h}. \"No,\" said {f}. \"That was magic.\" And "
            "the prize went to {h}."
            "|{h} got the first prize, a big golden star. {His} ears were red. \"I did not know "
            "that it was a talent,\" {he} said. \"They never feel like one from the inside,\" "
            "said {e.intro}."
            "|\"Who was that?\" asked the judge. Every finger pointed to the steps at the side. "
            "And so {h} got the prize, which was a golden cup, and in it was a ticket for next "
            "year.]",
        },
    },
    {
        .name = "snow_slide",
        .flags = WEIR_STORY_FRIENDS | WEIR_STORY_FUNNY,
        .weather = WEIR_STORY_SNOW,
        .about = "[a day in the snow"
            "|sledding"
            "|fun in winter]",
        .who = "[who goes sledding"
            "|who plays in the snow]",
        .title = "[A Day in the Snow"
            "|{h.T} and the Sled"
            "|Down the Hill]",
        .brief =
            "{h.first} and {f.intro} had no sled, so they took the biggest tray in the kitchen. "
            "They flew down the hill, over the fence and right into a snowman. Now there were "
            "three snowmen, and two of them were laughing.",
        .beats = {
            "[{oneday}, {h} woke up, and it was strangely quiet. {w.line} {He} jumped into {his} "
            "boots. \"Snow!\" {he} shouted through {f.n}'s window. \"Real snow!\""
            "|{W.line} {H} could not wait to get outside. At the corner {f.first} was already "
            "waiting, with a red nose."
            "|Overnight the world had put on a white hat. {H} did not even finish {his} "
            "breakfast. {He} ran to get {f.intro}, who was already standing on the step, with two "
            "scarves and no gloves.]",
            "[They wanted to go sledding, but they had no sled. They looked for something flat. "
            "{F} brought a frying pan. {H} brought the biggest tray in the kitchen. \"Yours is "
            "better,\" said {f}."
            "|\"All we need is a sled,\" said {h}. \"My aunt has a bathtub,\" said {f}. It was "
            "heavy to pull, but there was plenty of room in it."
            "|The sled was too small for both of them. So they took the door of the henhouse. The "
            "hens did not mind, as long as they got it back.]",
            "[The hill was white and very high. They sat down, {f} in front and {h} behind. \"Is "
            "it not a bit steep?\" asked {f}. \"Only at the beginning,\" said {h}. \"And in the "
            "middle.\""
            "|At the top they looked down. The houses were as small as matchboxes. \"Ready?\" "
            "asked {h}. \"No,\" said {f}. \"Good,\" said {h}, and pushed off."
            "|They pulled it all the way up, and that took an hour. \"It will take less time to "
            "go down,\" said {h}. {F} looked over the edge. \"That is what worries me,\" {f.he} "
            "said.]",
            "[Whoosh! The wind sang in their ears. They flew over a bump, and over a fence, and "
            "through a line of washing. Now {f} was wearing somebody's [shirt|nightcap]. \"How do "
            "you steer this thing?\" {f.he} shouted."
            "|Down they went, faster and faster. A rooster jumped out of the way. A farmer lifted "
            "his hat. \"Hello,\" called {h}. \"Goodbye,\" called {h}."
            "|It began slowly. It did not stay slow. Trees ran past them, and once a surprised "
            "postman. \"Is that for me?\" he called, but they were already gone.]",
            "-"
            "[\"I can see the pond!\" cried {f}. \"Lean to the left!\" They leaned to the left. "
            "\"The other left!\""
            "|For a moment they were in the air, and it was very quiet. \"Are we flying?\" asked "
            "{f}. \"A little,\" said {h}."
            "|They lost a hat on the first bump and a scarf on the second. They were going so "
            "fast that they almost caught up with them again.]",
            "[In front of them stood a snowman. He did not step aside. Puff! Snow flew "
            "everywhere. When it had settled, there were three snowmen, and two of them were "
            "laughing."
            "|Then came the haystack. Bump! Two heads came out of the hay, with straw in their "
            "hair. \"Again?\" asked {h}. \"Again,\" said {f}."
            "|At the bottom there was a big white heap, and it said \"oof\". It was not a heap. "
            "It was the baker's pile of flour sacks, covered with snow. For a long time nobody "
            "could tell who was who.]",
            "[In the evening they sat by the stove with red cheeks and drank hot milk. Their "
            "boots steamed. \"Tomorrow I will bring a helmet,\" said {f}."
            "|They slid down eleven times, until it was too dark to see the fence. And that was "
            "good, for the fence was no longer there."
            "|When the lamps were lit, they were still going up and down, up and down. \"One last "
            "time,\" they said, and they said it seven times.]",
        },
    },
    {
        .name = "band",
        .flags = WEIR_STORY_FRIENDS,
        .object = WEIR_STORY_MUSIC,
        .about = "[music"
            "|making music together"
            "|a band]",
        .who = "[who makes music"
            "|who starts a band"
            "|who plays {o.a}]",
        .title = "[The Little Band"
            "|{h.T} Makes Music"
            "|Too Loud!]",
        .brief =
            "{h.first} played {o.a}, but alone it sounded sad. {F.intro} came with a pot and two "
            "spoons, and others came with combs and bottles. They made such fine music that the "
            "whole village danced.",
        .beats = {
            "{!has h o}",
            "[{h} had {o.a}. {He} could play one song on it, and {he} played it every day. But "
            "alone it sounded a little sad."
            "|{oneday}, {h} found {o.a} at the flea market. {He} practiced until {his} fingers "
            "hurt. \"It is missing something,\" {he} said."
            "|Every evening after supper {h} sat down on the step and took out {o.a}. The same "
            "song came out of it every time. It was a good song, but it sounded like somebody who "
            "is waiting for somebody.]",
            "[\"Too loud!\" called a neighbor on the left. \"Too slow!\" called a neighbor on the "
            "right. {H} {look.disappointed}. {He} took {o} and went {p.to}."
            "|So {he} went {p.to}, where nobody could hear {him}. {He} played, and the wind "
            "played along. That was better, but the wind does not keep time."
            "|A window opened. \"Do you have to?\" somebody asked. {H} did not know if {he} had "
            "to. {He} put {o} under {his} arm and went {p.to}.]",
            "[{F.intro} heard it. {F.he} picked up two sticks and began to tap on [a log|a "
            "bucket|an old pot]. Tap, tap, tap. {H} looked up. That was it! That was what was "
            "missing."
            "|Then somebody hummed along. It was {f.intro}. {F} had no instrument, but {f.he} had "
            "two spoons in {f.his} pocket. \"May I?\" {f.he} asked. Clickety-clack, went the "
            "spoons."
            "|And then there was a second sound. Plink, plonk. {F.intro} had put seven glasses of "
            "water in a row and was tapping on them with a spoon. They looked at each other, and "
            "neither of them stopped.]",
            "[The next day a [frog|toad] came and sang bass. A cricket came with his fiddle. "
            "Somebody blew on a comb, and somebody blew across a bottle. They called themselves "
            "the Odd Socks, because no two of them were the same."
            "|Soon there were six of them. One had a rattle of dried peas, one had a saw that "
            "could sing. It sounded terrible. They laughed and tried again. The third time it "
            "sounded almost like music."
            "|One brought a washboard, one brought a watering can, and one brought nothing but a "
            "very deep voice. None of them could read notes. \"We will play by nose,\" said {f}.]",
            "-"
            "[\"One, two, three, four!\" counted {h}. Everyone began at the same time, and almost "
            "everyone ended at the same time."
            "|They practiced every evening. The moon came up earlier than it had to."
            "|Once they all forgot to stop, and so that song lasted for two hours.]",
            "[On Saturday they played in front of all the houses. First the windows opened. Then "
            "the doors opened. Then somebody began to tap a foot."
            "|Then came the summer feast, and the real musicians did not arrive. Their wagon had "
            "lost a wheel. \"We can play,\" said {h}, and {his} voice shook only a little."
            "|On the day of the feast the sky was gray, and everyone looked gray as well. \"Shall "
            "we?\" asked {h}. {He} nodded with {his} head, three times, and on the fourth time "
            "they began.]",
            "[The neighbor on the left danced with the neighbor on the right. \"Louder!\" they "
            "called. \"Faster!\" And {h} and {f} played until the stars went out."
            "|Everybody danced, even the ones who had said that they could not. And the song that "
            "had sounded so sad when {h} played it alone was now the merriest song in the world."
            "|A foot began to tap, then a hundred of them. Even the window that had been slammed "
            "shut was open now, and somebody was leaning out of it and singing along.]",
        },
    },
    {
        .name = "hide_and_seek",
        .flags = WEIR_STORY_FRIENDS | WEIR_STORY_FUNNY,
        .about = "[a game of hide-and-seek"
            "|playing a game"
            "|a very good hiding place]",
        .who = "[who plays hide-and-seek"
            "|who finds the best hiding place]",
        .title = "[Hide-and-Seek"
            "|The Best Hiding Place"
            "|Where Is {h.T}?]",
        .brief =
            "{h.first} and {his} friends played hide-and-seek, and {h} hid so well that nobody "
            "could find {him}. {F.intro} looked until it was dark and began to worry. Then "
            "somebody sneezed under the hat of the scarecrow, and everybody laughed.",
        .beats = {
            "[{oneday}, {h} and {his} friends played hide-and-seek {p.in}. {F.intro} had to "
            "count. \"One, two, five, nine, ten!\" {f.he} called. {F} was not very good at "
            "counting."
            "|\"Let us play hide-and-seek,\" said {f.intro}. \"I will count.\" {F} put {f.his} "
            "face against a tree. {H} looked around. Where should {he} hide?"
            "|There was nobody as good at hide-and-seek as {f.intro}. {F.he} could find a flea in "
            "a fur coat. \"Today you will not find me,\" said {h}. \"Count to a hundred.\"]",
            "[All the good places were taken. Then {h} saw the scarecrow. {He} took its coat and "
            "its hat, climbed on the pole, and held out {his} arms."
            "|Behind a tree? Too thin. In a barrel? Too wet. Then {he} saw an old scarecrow. {H} "
            "slipped into its coat, pulled the hat over {his} eyes, and stood as still as a post."
            "|{h} ran back and forth {p.in}. Too small, too low, too well known! There stood the "
            "scarecrow with its wide sleeves. \"May I?\" asked {h}, and slipped in beside the "
            "straw.]",
            "[{f} looked {p.spot}. {F.he} looked in a barrel. {F.he} looked in {f.his} own "
            "pockets. {H} was nowhere to be seen."
            "|{f} walked past {him} three times. Once {f.he} even leaned on {him} to think. {H} "
            "did not move. {He} did not even blink."
            "|{f} found everyone else in less than five minutes. But {h} was not {p.spot}, and "
            "{h} was not in the barrel. {F} turned over a bucket, just to be sure.]",
            "[A crow sat down on {h.n}'s head. \"You are new,\" it said. \"Shh,\" said {h} "
            "without moving {his} lips. The crow was so surprised that it forgot to fly away."
            "|An hour went by. It was a good hiding place, but it was a little boring. A spider "
            "began to build a web between {his} hat and {his} shoulder."
            "|The straw tickled {him}. A mouse asked {him} what time it was. {H} could not "
            "answer, of course, and so the mouse thought {him} very rude.]",
            "~"
            "[The sun went down. \"{h.call}!\" called the others. \"You have won! Come out!\" But "
            "{h} thought that it was a trick."
            "|\"I give up!\" called {f}. {H} smiled. {He} could wait. {He} had never won before, "
            "and {he} wanted to enjoy it."
            "|\"Supper!\" called a voice. One by one the others went home. Only {f} stayed, and "
            "looked, and called.]",
            "[{F} sat down at the foot of the scarecrow. \"What if something has happened to "
            "{him}?\" {f.he} said, and a tear ran down {f.his} nose. And then the scarecrow "
            "sneezed."
            "|\"I am worried,\" said {f}. \"I miss {him}.\" The scarecrow bent down and patted "
            "{f.him} on the shoulder. \"I am right here,\" it said. {F} jumped as high as a house."
            "|When it was almost dark, {f} stopped in front of the scarecrow. \"You see "
            "everything from up there,\" said {f} sadly. \"Have you seen my friend?\" \"Yes,\" "
            "said the scarecrow. {F} fell flat on {f.his} back.]",
            "[First there was silence. Then everyone laughed until they could not stand. {H} won, "
            "and the prize was that next time {he} had to count."
            "|\"You are the best hider in the world,\" said {f}. \"You are the best seeker,\" "
            "said {h}. \"You never stopped.\" And they all went home to have {food}."
            "|\"I won,\" said {h}, with straw in {his} ears. \"You won,\" said {f}, and hugged "
            "{him} so hard that the straw flew. \"But please never win like that again.\"]",
        },
    },
    {
        .name = "picnic_ants",
        .flags = WEIR_STORY_FUNNY | WEIR_STORY_FRIENDS,
        .not_hero = WEIR_STORY_TINY,
        .weather = WEIR_STORY_FAIR,
        .about = "[a picnic"
            "|a picnic that goes wrong"
            "|a day outside]",
        .who = "[who goes on a picnic"
            "|whose picnic goes wrong]",
        .title = "[The Picnic"
            "|{h.T} Goes on a Picnic"
            "|Where Is the Cake?]",
        .brief =
            "{h.first} and {f.intro} went on a picnic, but everything they put on the blanket "
            "walked away. They followed the cake and found a hundred tiny beetles having a "
            "wedding. They were invited, and it was the best picnic ever.",
        .beats = {
            "[{w.line} \"This is the right day for a picnic,\" said {h}. {He} packed a basket: "
            "bread, cheese, plums and a whole cake. {F.intro} brought a blanket and a very good "
            "appetite."
            "|{oneday}, {h} and {f.intro} packed a big basket and went {p.to}. {W.line} They "
            "spread out the blanket and put everything on it."
            "|In the basket there were rolls and eggs and radishes, and right at the bottom, "
            "wrapped in a napkin, was the cake. {H} carried the left handle, and {f.intro} "
            "carried the right one, {p.to}.]",
            "[\"First the plums,\" said {f}, and reached for one. There was no plum. \"You ate "
            "them all!\" said {f}. \"I did not,\" said {h}. \"Perhaps you did.\""
            "|\"Pass me the bread, please,\" said {h}. {F} looked to the left. {F} looked to the "
            "right. \"What bread?\" {f.he} asked."
            "|They lay down on the blanket for a moment and closed their eyes. When they opened "
            "them again, the radishes were gone. \"Very funny,\" said {h}. \"What is?\" asked "
            "{f}.]",
            "[While they were arguing, the cheese began to move. Very slowly, it walked across "
            "the blanket and into the grass. \"Did you see that?\" whispered {h}. \"I did not see "
            "anything,\" said {f}, and rubbed {f.his} eyes."
            "|Then {h} noticed the cake. It had been in the middle. Now it was at the edge. It "
            "gave a little jerk, and another. \"Our cake has legs,\" said {h}."
            "|Then it was the turn of an egg. It rolled to the left, although the ground sloped "
            "to the right. {F} put {f.his} finger on {f.his} lips. The egg stopped. The egg "
            "rolled on.]",
            "[\"After it!\" cried {h}. They crawled through the grass on hands and knees. The "
            "food went under a fern, over a root and past a mushroom, and the two friends went "
            "behind it."
            "|They followed it on tiptoe. \"I have never followed a cake before,\" whispered {f}. "
            "\"I have,\" whispered {h}, \"but only in my dreams.\""
            "|They crept along behind it, past the thistles and under the fence. \"If anybody "
            "sees us,\" said {f}, \"we are looking for a button.\"]",
            "[Behind a big stone they found a hundred little beetles in black coats. There was a "
            "tiny bride with a veil made of spider's silk. \"Oh dear,\" said the oldest beetle. "
            "\"Is that yours? We thought it had fallen from the sky.\""
            "|And then they saw it: a wedding! The smallest bride in the world stood there, and "
            "all her guests were hungry. \"We had only one crumb for everybody,\" said the groom, "
            "and he blushed."
            "|In a hollow, in the light of seven glowworms, a feast was going on. There were tiny "
            "tables with tiny tablecloths. \"We are getting married,\" said two beetles, \"but "
            "the kitchen caught fire.\"]",
            "[{h} looked at {f}, and {f} looked at {h}. \"It did fall from the sky,\" said {h}. "
            "\"It is your present.\" A hundred beetles cheered. It sounded like rain on a leaf."
            "|\"We were just on our way to bring it to you,\" said {h}, and {f} nodded hard. So "
            "they were guests of honor, and they sat very carefully, so that nobody got squashed."
            "|{F} took off {f.his} hat. \"Then you need a cake,\" said {f}, \"and we happen to "
            "have one.\" It took forty beetles to cut it.]",
            "[The beetles danced all afternoon, and a grasshopper played. {H} got one crumb of "
            "the cake, and {f} got one as well. It was enough."
            "|In the evening they carried home an empty basket. \"What a good picnic,\" said {f}. "
            "\"I am so hungry!\" And then they had pancakes."
            "|They danced on tiptoe. At midnight the bride threw her flowers, and they landed "
            "right on {h.n}'s nose. They were so small that {he} sneezed.]",
        },
    },
    {
        .name = "flying_machine",
        .flags = WEIR_STORY_FUNNY | WEIR_STORY_FRIENDS,
        .not_hero = WEIR_STORY_FLIES,
        .about = "[a flying machine"
            "|an invention"
            "|building something]",
        .who = "[who builds a flying machine"
            "|who wants to fly"
            "|who invents something]",
        .title = "[The Flying Machine"
            "|{h.T} the Inventor"
            "|Up in the Air]",
        .brief =
            "{h.first} built a flying machine out of a chair, two umbrellas and a hundred "
            "feathers. {F.intro} was allowed to come along, and they jumped from the roof of the "
            "barn. They flew for a very short time and landed in the pond, and then they began to "
            "build a boat.",
        .beats = {
            "[{h} wanted to fly. {oneday}, {he} drew a plan with a great many arrows on it. "
            "\"This is going to be a flying machine,\" {he} told {f.intro}. \"It looks like a "
            "chair,\" said {f}. \"That is only the part you sit on,\" said {h}."
            "|{oneday}, there was a lot of hammering behind the house. {F.intro} looked over the "
            "fence. \"What is that?\" \"A flying machine,\" said {h}, with three nails in {his} "
            "mouth."
            "|Birds could do it, bees could do it, even dust could do it. Only {h} had to walk. "
            "\"I am going to change that,\" {he} told {f.intro}, and rolled up {his} sleeves. "
            "\"Can I hold something?\" asked {f}.]",
            "[{he} took a chair, two umbrellas and the wheel of a cart. From the hens {he} got a "
            "hundred feathers, and {he} said thank you for each one. {F} was allowed to hold the "
            "glue."
            "|They collected everything that was light: feathers and straw, paper and corks, and "
            "the wings of an old windmill. \"I am light, too,\" said {f}. \"You can be the "
            "pilot's helper,\" said {h}."
            "|They used what they had: a bathtub for the seat, two doors for the wings, and a "
            "hundred meters of string. It was the most beautiful thing they had ever built, and "
            "nobody else could tell what it was.]",
            "[The first try was from the kitchen chair. It lasted one second. \"It is a "
            "beginning,\" said {h}, and wrote it down."
            "|First they tested it with a pumpkin. The pumpkin did not come back. \"It needs "
            "bigger wings,\" said {h}."
            "|For the first test they took a melon. It flew very well, but only down. \"The melon "
            "did not try,\" said {f}.]",
            "-"
            "[\"Birds flap,\" said {f}. So they built in something that flapped. It flapped once "
            "and boxed {h} on the ear."
            "|{E.intro} came by and shook {e.his} head. \"What has no wings should stay on the "
            "ground,\" said {e}. \"What has no wings,\" said {h}, \"has to build some.\""
            "|{F} had the idea with the propeller. It blew all the hats from the fence, and the "
            "fence from the field.]",
            "[On Sunday the whole neighborhood came. {H} and {f} sat down on the chair on top of "
            "the barn roof. \"Three,\" said {h}. \"Two,\" said {f}. Nobody wanted to say one. "
            "Then the wind said it for them."
            "|At last the day had come. They pulled it up the hill. {F} closed {f.his} eyes. {H} "
            "opened {his} eyes as wide as {he} could, because {he} did not want to miss anything. "
            "And off they went."
            "|At sunrise they stood at the edge of the hill. The grass was wet, and the world was "
            "still asleep. \"If it goes wrong,\" said {h}, \"it was your idea.\" \"And if it goes "
            "right?\" asked {f}. \"Then it was mine.\"]",
            "[And they flew! They saw the roof from above, and the hens, and somebody's bald "
            "head. They flew over the fence and over the apple tree. Then something went crack, "
            "and down they went."
            "|For three whole seconds they hung in the air like a very untidy bird. \"We are "
            "flying!\" cried {h}. \"Were flying,\" said {f}, for just then the left umbrella "
            "folded up."
            "|There was a bump, and a bump, and then there was no bump. {H} looked down. There "
            "was a cow, and it was very small. Then the string began to sing, and one after the "
            "other the knots came undone.]",
            "[Splash! They landed in the middle of the pond. The ducks complained. {H} came up "
            "with a water lily on {his} head and beamed. \"Did you see that?\" {he} asked. \"We "
            "flew! And look, it floats.\" And {he} began to draw a plan for a boat."
            "|They came down in a haystack, as softly as an egg in a nest. \"That was "
            "wonderful,\" said {f}. \"And what shall we build tomorrow?\" {H} was already looking "
            "for {his} pencil."
            "|They hung in the tree like two pears, and the tub hung above them. \"How long were "
            "we up there?\" asked {h}. {F} had counted. \"Eleven,\" said {f}. \"Eleven seconds, "
            "and it was worth every one.\"]",
        },
    },
    {
        .name = "magic_hat",
        .flags = WEIR_STORY_FUNNY,
        .about = "[magic"
            "|a magic spell that goes wrong"
            "|a magic wand]",
        .who = "[who tries to do magic"
            "|who finds a magic wand"
            "|whose spell goes wrong]",
        .title = "[The Wrong Spell"
            "|{h.T} and the Magic Wand"
            "|Abracadabra]",
        .brief =
            "{h.first} found a magic wand and wished for a little cake. But {he} mixed up the "
            "words, and it rained {rain.cake} on the whole village. {F.intro} found the right "
            "word at last, and everybody had enough to eat for a week.",
        .beats = {
            "[{oneday}, {h} found a crooked stick {p.spot}. {He} picked it up, and sparks came "
            "out of it. It was a magic wand!"
            "|{oneday}, {h} bought an old book at the market. \"Magic for beginners,\" it said on "
            "the cover. Some of the pages were missing, but {h} did not mind.]",
            "[\"I will start with something small,\" said {h}. {He} wanted a cup of tea. {He} "
            "waved {his} arm and said, \"Hocus, pocus, tea!\" There was a bang, and on the table "
            "sat a [toad|bee|sheep]. \"Almost,\" said {h}."
            "|\"Abracadabra,\" said {h}, and pointed at {his} old shoes. They turned red, and "
            "then they turned around and walked out of the door. \"Come back!\" called {h}.]",
            "[{he} tried again. \"Fim, fam, fum, let there be cake, and give me some!\" There was "
            "a rumble in the sky. Plop! Something soft landed on {his} head. It was a {rain.one}. "
            "Plop, plop, plop! It was raining {rain.cake}!"
            "|The next spell was for a snack. But {h} had a cold, and in the middle of the spell "
            "{he} sneezed. The sky turned pink. And then it rained {rain.cake}, on the roofs, on "
            "the roads, and on the mayor.]",
            "[At first everyone was delighted. They ran outside with plates and bowls. But it did "
            "not stop. Soon the streets were full, and you could hear doors creak under the "
            "weight."
            "|The children cheered. The grown-ups opened their umbrellas. By noon it came up to "
            "the window sills. \"Enough!\" cried the mayor.]",
            "[{h} tried every word {he} knew. \"Stop! Halt! Finish! Please!\" It only rained "
            "harder. {F.intro} swam over to {him}. \"What did you say at the beginning?\" asked "
            "{f}. \"Then just say it backward!\""
            "|\"How do I make it stop?\" wailed {h}. {F.intro} looked it up on the very last "
            "page. \"You have to say thank you,\" {f.he} read. \"Nobody ever says thank you to a "
            "spell.\"]",
            "[{h} took a deep breath and said it. The sky turned blue again. One last {rain.one} "
            "fell, right into {f.n}'s hand. Then it was quiet, apart from the sound of chewing."
            "|It worked. Everything stood still, and a rainbow came out that smelled of sugar. "
            "{H} sat down in the middle of it all and wiped {his} forehead.]",
            "[They ate for a week. Then {h} hid the magic away in the deepest drawer. But on "
            "birthdays {he} takes it out, just for a moment, and says only half of the words."
            "|\"Next time you are hungry,\" said {f}, \"come to my house.\" {H} promised. But "
            "{he} kept the magic words, just in case.]",
        },
    },
    {
        .name = "rainbow_paint",
        .about = "[painting"
            "|colors"
            "|a gray town]",
        .who = "[who paints everything"
            "|who brings color to a gray town]",
        .title = "[The Gray Town"
            "|{h.T} Paints the Town"
            "|A Little Color]",
        .brief =
            "Everything was gray in the town where {h.first} lived. {He} painted one door red in "
            "the night, and the next day people smiled. Then {f.intro} brought more paint, and "
            "soon the whole town was as bright as a rainbow.",
        .beats = {
            "[The town was gray. The houses were gray, the coats were gray, and even the soup was "
            "gray. Nobody could remember why. {H} did not like it."
            "|{h} walked through the streets, and everything was as gray as an old sock. People "
            "looked at their shoes when they passed each other. \"Something is missing,\" thought "
            "{h}."
            "|There was once a law that everything had to be gray. Nobody knew who had made it. "
            "{H}, who lived there, had a dream every night that was full of colors, and every "
            "morning it was gone.]",
            "[{oneday}, {h} found a pot of red paint {p.spot}. {He} put in one finger and looked "
            "at it. {His} heart jumped. It was like hearing a song for the first time."
            "|{oneday}, {e.intro} gave {him} a small pot of red paint. \"It is the last one,\" "
            "said {e}. \"I have kept it for somebody who would know what to do with it.\""
            "|Behind a loose board {h} found a jar. \"Sunset red,\" said the label. {He} opened "
            "it. It was so red that {he} had to shut {his} eyes for a moment.]",
            "[In the night {h} crept out and painted {his} front door. It shone like a poppy in a "
            "field of stones. {He} went to bed with red fingers."
            "|That night {h} painted one single thing: the bench {p.in}. Then {he} hid and waited "
            "for the morning."
            "|One stroke, and then another. In the moonlight {he} could not see if it was any "
            "good. The next morning everyone could see it: the town gate was red, from top to "
            "bottom.]",
            "[{nextday}, a man stopped in front of it. He looked at it for a long time. Then he "
            "lifted his hat, very slowly, and smiled. Nobody had ever seen him smile."
            "|When the sun came up, somebody said, \"Oh!\" Somebody else said, \"Look!\" A baby "
            "pointed at it and laughed. Soon there was a crowd."
            "|They stopped in front of it with their shopping bags. They forgot that they were in "
            "a hurry. \"It makes me think of strawberries,\" said somebody. \"Of my wedding,\" "
            "said somebody else.]",
            "[\"Who did that?\" asked {f.intro}. {H} held out {his} red fingers. {F} did not "
            "scold. {F.he} only said, \"I have some yellow in my cellar.\""
            "|\"I know who it was,\" said {f.intro}, and looked at {h.n}'s hands. \"I have a pot "
            "of blue at home. Do you want it?\""
            "|{F.intro} had seen {him} in the night. \"I will not tell,\" said {f}. \"But take me "
            "along the next time. I know where there is some green.\"]",
            "-"
            "[Out of attics and cellars they came, the old forgotten pots: green and orange, and "
            "a purple that had not seen the light for fifty years."
            "|Even the policeman brought something. It was a very small pot of pink. \"I kept it "
            "hidden,\" he said, and turned almost the same color."
            "|A grandmother brought the blue of her old apron, boiled down in a pot.]",
            "[They painted all day, the big ones the roofs and the little ones the walls. The "
            "baker wanted stripes. The school wanted dots. In the evening they were as colorful "
            "as their town."
            "|{h} painted birds on the school, and {f} painted a sun on the well. Where two "
            "colors met, there was a third one that nobody had known."
            "|By Friday there was a ladder in front of every house. Paint dripped on noses and on "
            "cats. There was so much laughing that nobody remembered who had started it.]",
            "[And when it rained, it did not turn gray any more. The puddles held all the colors, "
            "and the children jumped into them."
            "|Now people look at each other when they meet. And the soup? It has carrots in it "
            "now."
            "|And if you ask who made the law against gray, they all point to a small red "
            "handprint on the town gate.]",
        },
    },
    {
        .name = "big_turnip",
        .flags = WEIR_STORY_FUNNY,
        .not_hero = WEIR_STORY_TINY,
        .about = "[a giant pumpkin"
            "|a huge vegetable"
            "|working together]",
        .who = "[who grows a giant pumpkin"
            "|who needs help to pull something out]",
        .title = "[The Giant Pumpkin"
            "|{h.T} and the Giant Pumpkin"
            "|Pull!]",
        .brief =
            "{h.first} grew a pumpkin that was so big that {he} could not move it. {F.intro} came "
            "to push, and many others came, and last of all a flea. Then it rolled down the hill, "
            "right into the pot of the village feast.",
        .beats = {
            "[In spring {h} put a seed in the ground. In summer there was a pumpkin as big as a "
            "ball. In autumn it was as big as a cart, and it was still growing."
            "|{h} had watered {his} pumpkin every day, and sung to it every night. It liked that. "
            "{oneday}, it was so big that {h} could not see {his} own house behind it."
            "|It began with a joke. \"Grow as big as a house,\" {h} told the little plant, and "
            "watered it. The pumpkin took it seriously.]",
            "[\"You are coming to the feast with me,\" said {h}, and pushed. The pumpkin did not "
            "move. {He} pulled. The pumpkin did not move. {He} pleaded with it. It did not help."
            "|\"Today is the feast,\" said {h}, \"and you shall be the soup.\" {He} leaned "
            "against it with all {his} might. Nothing happened, except that {his} feet slid away."
            "|The day of the harvest came. {H} rolled up {his} sleeves and put {his} shoulder "
            "against it. A bird on top of the pumpkin watched {him} with interest.]",
            "[{he} called {f.intro}. {H} pushed, and {f} pushed, but the pumpkin stayed where it "
            "was. \"It is heavy,\" said {f}. \"I know,\" said {h}."
            "|{F.intro} came along. \"Two can do more than one,\" said {f}, and spat into {f.his} "
            "hands. They pushed until they were red in the face. The pumpkin did not even wobble."
            "|\"Give me a hand,\" {h} said to {f.intro}. {F} gave two. They leaned against it "
            "with their backs and with their bellies. They might as well have pushed the church.]",
            "[They called the cow, and the cow called the goatherd, and the goatherd called his "
            "three sisters. All of them pushed. The pumpkin thought about it and stayed."
            "|Then came the donkey, the postman, and a lady with a hat. They pushed in a long "
            "row, one behind the other. \"Heave!\" called {h}. \"Ho!\" called the others. It was "
            "no use."
            "|The school came, and the choir, and the fire brigade. They tied ropes around it. "
            "\"And pull! And pull!\" The ropes grew longer, but the pumpkin did not move.]",
            "[A flea had watched it all. \"May I help?\" it asked. Everybody laughed. \"You?\" "
            "But {h} said, \"Of course. Thank you. There is a place right here beside me.\""
            "|\"Wait,\" said a tiny voice. It was a flea. \"I am strong for my size.\" They "
            "laughed, but {h} made a little room. \"We need everyone,\" {he} said."
            "|\"I could lend a hand,\" said somebody, \"or six.\" It was a flea, who had come "
            "with one of the dogs. \"Better too much help than too little,\" said {h}, and showed "
            "it a good place.]",
            "[And they pushed, all of them together with the flea. The pumpkin gave a creak. It "
            "gave a groan. And then it rolled! It rolled down the hill, faster and faster, "
            "through the gate, and splash, right into the big pot."
            "|\"One, two, three!\" With a plop the pumpkin came loose and rolled away, and "
            "everyone fell on top of everyone else. Down the hill it went, over a bump and "
            "through the air, and landed exactly on the long table. The spoons jumped."
            "|It was only a tiny bit more, but a tiny bit was what had been missing. There was a "
            "sound like a cork. The pumpkin jumped out of its bed, rolled down the road, and "
            "everybody ran behind it with spoons.]",
            "[It was enough soup for two hundred. \"I did it,\" said the flea proudly. And nobody "
            "could say that it was not true."
            "|There was soup, there was pie, there were pancakes, all of pumpkin. And in the "
            "empty shell the children slept that night, all seventeen of them."
            "|There were speeches at the feast. {H} thanked the choir and the school. The loudest "
            "cheers were for somebody whom nobody could see.]",
        },
    },
    {
        .name = "invisible_helper",
        .flags = WEIR_STORY_FUNNY | WEIR_STORY_FRIENDS,
        .about = "[a secret helper"
            "|somebody who does good things in secret"
            "|a mystery]",
        .who = "[who wants to solve a mystery"
            "|who looks for a secret helper]",
        .title = "[The Secret Helper"
            "|{h.T} Solves a Mystery"
            "|Who Was It?]",
        .brief =
            "Every morning somebody had done the work of {h.first} in the night. {He} stayed "
            "awake to find out who it was, and it was {f.intro}, who walked in {f.his} sleep. {H} "
            "put a blanket around {f.him}, led {f.him} home and said thank you very quietly.",
        .beats = {
            "[{oneday}, {h} got up to sweep the yard. But the yard was already swept. \"How "
            "odd,\" {he} said."
            "|One morning {h} found a pile of chopped wood in front of the door. {He} had not "
            "chopped it. Nobody had chopped it. But there it was."
            "|It began with the shoes. {H} had left them by the door, all muddy. In the morning "
            "they shone like two chestnuts.]",
            "[The next morning the dishes were washed. The morning after that, all the buttons "
            "were sewn on {his} coat, although one of them was on the inside."
            "|The next day the windows shone, and the next day the flowers were watered. Even the "
            "clock had been wound up, but it showed the wrong time."
            "|Then the bread was baked. Then the fence was straight. One morning even the cat had "
            "been combed, and it was still offended at noon.]",
            "[\"Perhaps it is an [imp|angel],\" said the baker. \"Perhaps it is a ghost,\" said "
            "the postman. \"I will find out,\" said {h}, and {look.curious}."
            "|\"I have to know who it is,\" said {h}. {He} looked for footprints. {He} found "
            "some, but they went around in circles."
            "|\"Have you got helpers?\" people asked. \"I do not know,\" said {h}. \"If I have, "
            "they have forgotten to tell me.\" {He} {look.curious}.]",
            "[That night {he} did not go to bed. {He} hid behind the curtain with a pot of "
            "coffee. The clock struck ten, eleven, twelve. {His} eyes were closing."
            "|{he} sprinkled flour on the floor and sat down in the dark. For a long time nothing "
            "happened. Then the door opened, very softly."
            "|{he} tied a thread across the door and fastened a bell to it. Then {he} blew out "
            "the light and waited. It was hard to keep awake. At two o'clock the bell said ting.]",
            "[In came somebody with a broom. It was {f.intro}! {F.his} eyes were shut, and {f.he} "
            "was snoring. {F.he} was walking in {f.his} sleep. \"First the plates,\" {f} mumbled, "
            "\"and then the [stairs|spoons].\""
            "|Somebody came in, wearing a nightshirt. It was {f.intro}, with {f.his} arms "
            "stretched out, fast asleep. {F} dusted the lamp, the chair, and {h}."
            "|A figure in a nightcap came in with closed eyes. {H} raised the lamp. It was "
            "{f.intro}, and {f.he} went straight to the sink. \"So many cups,\" {f.he} mumbled, "
            "and began to wash up.]",
            "[{h} almost laughed out loud. But one must not wake up somebody who walks in his "
            "sleep. So {he} took {f} gently by the arm and led {f.him} home through the "
            "moonlight, and tucked {f.him} in."
            "|\"Thank you,\" whispered {h}. \"You are welcome,\" murmured {f}, without waking up. "
            "{H} put a scarf around {f.n}'s neck, so that {f.he} would not catch cold."
            "|{h} sat very still and watched. When every cup was dry, {f} turned around and "
            "marched off, past the well and over the bridge. {H} followed {f.him} with the lamp, "
            "so that {f.he} would not stumble.]",
            "[{nextday}, {f} yawned. \"I am always so tired in the morning,\" {f.he} said. \"I "
            "wonder why.\" {H} gave {f.him} a large breakfast and said nothing at all."
            "|And since then, {h} leaves the door open at night, and puts a bun on the table. In "
            "the morning it is gone."
            "|{H} never told anyone. But if you look through {f.n}'s window at noon, you can see "
            "that the washing-up has been done there, too. {F} wonders about it to this day.]",
        },
    },
};
/* clang-format on */

const weir_story_plots weir_story_plots_play = {plots, sizeof(plots) / sizeof(plots[0])};
